#include "text/template/read_json.h"

#include <nlohmann/json.hpp>
#include <vector>

namespace hearth {

std::optional<nlohmann::ordered_json> read_json(std::string_view text) {
  using Json = nlohmann::ordered_json;
  using Event = Json::parse_event_t;
  std::vector<int> members;  // of each container that is open
  bool fits = true;
  // What it answers false to is left out of the tree; the parser itself does not recurse.
  const auto within = [&](int, Event event, const Json&) {
    switch (event) {
      case Event::object_start:
      case Event::array_start:
        members.push_back(0);
        fits = fits && members.size() <= static_cast<std::size_t>(kJsonDepthMax);
        break;
      case Event::object_end:
      case Event::array_end: members.pop_back(); break;
      case Event::key: fits = fits && ++members.back() <= kJsonMembersMax; break;
      case Event::value: break;
    }
    return fits;
  };
  Json json = Json::parse(text, within, false);
  if (!fits) return std::nullopt;
  return json;
}

}  // namespace hearth
