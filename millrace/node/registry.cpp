#include "millrace/node/registry.hpp"

#include "millrace/base/check.hpp"

namespace millrace::node {

void Registry::add(NodeType type) {
  MR_CHECK(type.contract != nullptr && type.create != nullptr,
           "a node type has a contract and a way to make it");
  MR_CHECK(find(type.contract->type) == nullptr, "a node type is listed once");
  types_.push_back(type);
}

const NodeType* Registry::find(std::string_view name) const noexcept {
  for (const NodeType& type : types_)
    if (type.contract->type == name ||
        (!type.contract->alias.empty() && type.contract->alias == name))
      return &type;
  return nullptr;
}

}  // namespace millrace::node
