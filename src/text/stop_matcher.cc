#include "text/stop_matcher.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/utf8.h"

namespace hearth {

StopMatcher::StopMatcher(std::vector<std::string> stops) {
  if (stops.size() > kStopsMax) {
    throw Error(
        ErrorCode::kResourceExhausted,
        std::to_string(stops.size()) + " stop strings; the limit is " + std::to_string(kStopsMax));
  }
  for (std::string& text : stops) {
    if (text.empty())
      throw Error(ErrorCode::kInvalidArgument, "a stop string is empty; leave it out");
    if (text.size() > kStopBytesMax) {
      throw Error(ErrorCode::kResourceExhausted,
                  "a stop string has " + std::to_string(text.size()) + " bytes; the limit is " +
                      std::to_string(kStopBytesMax));
    }
    if (valid_utf8_prefix(text) != text.size()) {
      throw Error(ErrorCode::kInvalidArgument, "a stop string is not well-formed UTF-8");
    }
    Stop stop{std::move(text), {0, 0}};
    for (std::size_t i = 1; i < stop.text.size(); ++i) {
      advance(stop, stop.text[i]);
      stop.borders.push_back(stop.matched);
    }
    stop.matched = 0;
    stops_.push_back(std::move(stop));
  }
}

void StopMatcher::advance(Stop& stop, char byte) {
  while (stop.matched > 0 && stop.text[stop.matched] != byte)
    stop.matched = stop.borders[stop.matched];
  if (stop.text[stop.matched] == byte) ++stop.matched;
}

StopMatcher::Result StopMatcher::push(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::optional<std::size_t> found;
    for (std::size_t k = 0; k < stops_.size(); ++k) {
      advance(stops_[k], text[i]);
      const std::size_t length = stops_[k].text.size();
      if (stops_[k].matched == length && (!found || length > stops_[*found].text.size())) found = k;
    }
    if (found) {
      std::string shown = std::exchange(held_, {}).append(text.substr(0, i + 1));
      shown.resize(shown.size() - stops_[*found].text.size());
      return {std::move(shown), found};
    }
  }
  std::size_t kept = 0;
  for (const Stop& stop : stops_) kept = std::max(kept, stop.matched);
  held_.append(text);
  Result result{held_.substr(0, held_.size() - kept), std::nullopt};
  held_.erase(0, held_.size() - kept);
  return result;
}

std::string StopMatcher::flush() {
  for (Stop& stop : stops_) stop.matched = 0;
  return std::exchange(held_, {});
}

}  // namespace hearth
