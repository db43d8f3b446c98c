#include "server/router.h"

#include <optional>

namespace hearth {
namespace {

using Params = std::map<std::string, std::string>;

// The first segment of what is left, and the rest.
std::string_view take_segment(std::string_view& path) {
  path.remove_prefix(1);
  const std::size_t end = std::min(path.find('/'), path.size());
  const std::string_view segment = path.substr(0, end);
  path.remove_prefix(end);
  return segment;
}

std::optional<Params> match_path(std::string_view pattern, std::string_view path) {
  Params params;
  while (!pattern.empty()) {
    if (path.empty()) return std::nullopt;
    std::string_view rest = path;
    const std::string_view wanted = take_segment(pattern), segment = take_segment(path);
    if (wanted.ends_with("*}")) {
      rest.remove_prefix(1);
      if (rest.empty()) return std::nullopt;
      params.emplace(wanted.substr(1, wanted.size() - 3), rest);
      return params;
    }
    if (wanted.starts_with('{')) {
      if (segment.empty()) return std::nullopt;
      params.emplace(wanted.substr(1, wanted.size() - 2), segment);
    } else if (wanted != segment) {
      return std::nullopt;
    }
  }
  if (!path.empty()) return std::nullopt;
  return params;
}

}  // namespace

Router::Match Router::match(std::string_view method, std::string_view path) const {
  Match match;
  for (const Route& route : routes_) {
    std::optional<Params> params = match_path(route.path, path);
    if (!params) continue;
    if (route.method != method && !(method == "HEAD" && route.method == "GET")) {
      if (!match.allowed.empty()) match.allowed += ", ";
      match.allowed += route.method == "GET" ? "GET, HEAD" : route.method;
      continue;
    }
    match.route = &route;
    match.params = std::move(*params);
    match.allowed.clear();
    return match;
  }
  return match;
}

}  // namespace hearth
