#include "millrace/node/registry.hpp"

#include <algorithm>
#include <utility>

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

void Registry::add_merge(MergeType merge) {
  MR_CHECK(!merge.name.empty() && merge.join, "a merge has a name and a way to join");
  MR_CHECK(find_merge(merge.name) == nullptr, "a merge is listed once");
  merges_.push_back(std::move(merge));
}

const MergeType* Registry::find_merge(std::string_view name) const noexcept {
  const auto found = std::ranges::find(merges_, name, &MergeType::name);
  return found == merges_.end() ? nullptr : &*found;
}

}  // namespace millrace::node
