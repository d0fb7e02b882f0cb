#include "millrace/manifest/schema.hpp"

#include <nlohmann/json.hpp>

#include "millrace/base/limits.hpp"
#include "millrace/manifest/detail/layout.hpp"
#include "millrace/manifest/graph_spec.hpp"

namespace millrace::manifest {
namespace {

using Json = nlohmann::ordered_json;
using detail::Field;
using detail::FieldKind;
using detail::Section;

Json section_schema(const Section& section);

Json words(std::span<const std::string_view> all) {
  Json out = Json::array();
  for (const std::string_view word : all) out.push_back(word);
  return out;
}

/// `inner`, or a word of the environment, whose value the schema cannot know.
Json or_environment(Json inner) {
  return {{"anyOf", Json::array({std::move(inner), {{"$ref", "#/definitions/environment"}}})}};
}

Json pattern(const char* expression) {
  return or_environment({{"type", "string"}, {"pattern", expression}});
}

Json merge_strategy_schema() {
  Json forms = Json::array();
  for (std::size_t kind = 0; kind < kMergeKindNames.size(); ++kind) {
    const std::string strategy(kMergeKindNames[kind]);
    const Section& options = detail::merge_section(kind);
    bool needs_options = false;
    for (const Field& field : options.fields) needs_options = needs_options || field.required;
    Json inner = section_schema(options);
    if (!needs_options) {
      forms.push_back({{"const", strategy}});
      inner = {{"anyOf", Json::array({{{"type", "null"}}, std::move(inner)})}};
    }
    forms.push_back({{"type", "object"},
                     {"properties", {{strategy, std::move(inner)}}},
                     {"required", Json::array({strategy})},
                     {"additionalProperties", false}});
  }
  forms.push_back({{"$ref", "#/definitions/environment"}});
  return {{"anyOf", std::move(forms)}};
}

Json list_schema(const Field& field) {
  const bool is_nodes = field.section == &detail::kNode;
  Json out = {{"type", "array"},
              {"maxItems", is_nodes ? base::limits::kManifestNodes : base::limits::kManifestEdges},
              {"items", {{"$ref", is_nodes ? "#/definitions/node" : "#/definitions/edge"}}}};
  if (is_nodes) out["minItems"] = 1;
  return out;
}

Json value_schema(const Field& field) {
  switch (field.kind) {
    case FieldKind::text: return {{"type", "string"}};
    case FieldKind::identifier: return pattern("^[A-Za-z_][A-Za-z0-9_-]*$");
    case FieldKind::type_name: return pattern("^[A-Za-z_][A-Za-z0-9_]*$");
    case FieldKind::endpoint:
      return pattern("^[A-Za-z_][A-Za-z0-9_-]*(\\.[A-Za-z_][A-Za-z0-9_]*)?$");
    case FieldKind::integer:
      return or_environment({{"type", "integer"}, {"minimum", field.min}, {"maximum", field.max}});
    case FieldKind::boolean: return or_environment({{"type", "boolean"}});
    case FieldKind::choice: return or_environment({{"enum", words(field.choices)}});
    case FieldKind::choice_list:
      return {{"type", "array"},
              {"uniqueItems", true},
              {"items", or_environment({{"enum", words(field.choices)}})}};
    case FieldKind::parameters: return {{"type", Json::array({"object", "null"})}};
    case FieldKind::merge_strategy: return merge_strategy_schema();
    case FieldKind::section: return section_schema(*field.section);
    case FieldKind::section_list: return list_schema(field);
  }
  return Json::object();
}

Json section_schema(const Section& section) {
  Json properties = Json::object();
  Json conditions = Json::array();
  for (const Field& field : section.fields) {
    Json value = value_schema(field);
    value["description"] = field.about;
    if (field.fallback && field.kind == FieldKind::boolean)
      value["default"] = *field.fallback != 0;
    else if (field.fallback)
      value["default"] = *field.fallback;
    properties[std::string(field.key)] = value;
    if (!field.alias.empty()) {
      value["description"] = "Older spelling of " + std::string(field.key) + ".";
      properties[std::string(field.alias)] = value;
      conditions.push_back({{"not", {{"required", Json::array({field.key, field.alias})}}}});
    }
    if (!field.required) continue;
    Json spellings = Json::array({{{"required", Json::array({field.key})}}});
    if (!field.alias.empty()) spellings.push_back({{"required", Json::array({field.alias})}});
    conditions.push_back(spellings.size() == 1 ? spellings[0]
                                               : Json{{"anyOf", std::move(spellings)}});
  }
  Json out = {
      {"type", "object"}, {"additionalProperties", false}, {"properties", std::move(properties)}};
  if (!conditions.empty()) out["allOf"] = std::move(conditions);
  return out;
}

Json param_schema(const ParamInfo& param) {
  Json value = Json::object();
  switch (param.kind) {
    case ParamInfo::Kind::boolean: value["type"] = "boolean"; break;
    case ParamInfo::Kind::integer: value["type"] = "integer"; break;
    case ParamInfo::Kind::number: value["type"] = "number"; break;
    case ParamInfo::Kind::text: value["type"] = "string"; break;
    case ParamInfo::Kind::choice: value["enum"] = param.choices; break;
    case ParamInfo::Kind::list: value["type"] = "array"; break;
    case ParamInfo::Kind::map: value["type"] = "object"; break;
    case ParamInfo::Kind::any: break;
  }
  const bool is_whole = param.kind == ParamInfo::Kind::integer;
  const auto bound = [is_whole](double number) {
    return is_whole ? Json(static_cast<std::int64_t>(number)) : Json(number);
  };
  if (param.min) value["minimum"] = bound(*param.min);
  if (param.max) value["maximum"] = bound(*param.max);
  const bool is_open = param.kind == ParamInfo::Kind::any || param.kind == ParamInfo::Kind::text;
  Json out = is_open ? std::move(value) : or_environment(std::move(value));
  if (!param.about.empty()) out["description"] = param.about;
  if (!param.fallback.is_null())
    out["default"] = Json::parse(param.fallback.to_json(), nullptr, false);
  return out;
}

/// If `key` names this type, its parameters, in either spelling, are these.
Json type_rule(const TypeInfo& type, const char* key) {
  Json properties = Json::object();
  Json required = Json::array();
  for (const ParamInfo& param : type.params) {
    properties[param.name] = param_schema(param);
    if (param.required) required.push_back(param.name);
  }
  Json params = {{"type", Json::array({"object", "null"})},
                 {"additionalProperties", false},
                 {"properties", std::move(properties)}};
  if (!type.about.empty()) params["description"] = type.about;
  if (!required.empty()) params["required"] = std::move(required);
  return {
      {"if", {{"properties", {{key, {{"const", type.type}}}}}, {"required", Json::array({key})}}},
      {"then", {{"properties", {{"params", params}, {"config", params}}}}}};
}

}  // namespace

std::string json_schema(std::span<const TypeInfo> types) {
  Json node = section_schema(detail::kNode);
  node["allOf"].push_back({{"not", {{"required", Json::array({"placement", "executor"})}}}});
  for (const TypeInfo& type : types)
    for (const char* key : {"type", "node_type"}) node["allOf"].push_back(type_rule(type, key));
  Json out = {{"$schema", "http://json-schema.org/draft-07/schema#"},
              {"title", "Millrace manifest"},
              {"description", "A voice pipeline: its nodes, edges and how it is run."}};
  out.update(section_schema(detail::kManifest));
  out["definitions"] = {
      {"environment",
       {{"type", "string"},
        {"pattern", "\\$\\{[A-Za-z_][A-Za-z0-9_]*(\\|[^}]*)?\\}"},
        {"description", "A variable of the environment: ${NAME} or ${NAME|default}."}}},
      {"node", std::move(node)},
      {"edge", section_schema(detail::kEdge)}};
  return out.dump(2) + "\n";
}

}  // namespace millrace::manifest
