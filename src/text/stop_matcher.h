// StopMatcher: finds stop strings in text that arrives in parts, and holds back what may yet become
// one, so that no part of a stop string is ever shown. The result does not depend on how the text
// is cut. Owned by one sequence; not shared between threads.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hearth {

class StopMatcher {
 public:
  static constexpr std::size_t kStopsMax = 64;        // protocols allow 4 to 16
  static constexpr std::size_t kStopBytesMax = 1024;  // of one stop string

  // Throws kInvalidArgument for an empty stop string or one that is not UTF-8, kResourceExhausted
  // past a limit above.
  explicit StopMatcher(std::vector<std::string> stops);

  struct Result {
    std::string text;  // safe to show
    std::optional<std::size_t>
        stop;  // index of the stop string that was found; push nothing after it
  };

  // `text` is whole characters of UTF-8 (a Detokenizer's). The stop string that ends first is the
  // one found; of two that end together, the longer.
  Result push(std::string_view text);
  // The end of the answer: what was held back can no longer become a stop string.
  std::string flush();

 private:
  struct Stop {
    std::string text;
    // Knuth, Morris, Pratt: borders[n] is the length of the longest proper prefix of text that also
    // ends its first n bytes.
    std::vector<std::size_t> borders;  // [text.size() + 1]
    std::size_t matched = 0;           // bytes of text that end what has been pushed
  };

  static void advance(Stop& stop, char byte);

  std::vector<Stop> stops_;
  std::string held_;
};

}  // namespace hearth
