#include "text/stop_matcher.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/random.h"

namespace hearth {
namespace {

struct Outcome {
  std::string shown;
  std::optional<std::size_t> stop;
  bool operator==(const Outcome&) const = default;
};

Outcome run(const std::vector<std::string>& stops, std::string_view text, std::size_t part) {
  StopMatcher matcher(stops);
  Outcome outcome;
  for (std::size_t at = 0; at < text.size(); at += part) {
    StopMatcher::Result result = matcher.push(text.substr(at, part));
    outcome.shown += result.text;
    if (result.stop) return {outcome.shown, result.stop};
  }
  outcome.shown += matcher.flush();
  return outcome;
}

// The same by looking at every prefix of the whole text.
Outcome expected(const std::vector<std::string>& stops, std::string_view text) {
  for (std::size_t end = 1; end <= text.size(); ++end) {
    std::optional<std::size_t> found;
    for (std::size_t k = 0; k < stops.size(); ++k) {
      const bool longer = !found || stops[k].size() > stops[*found].size();
      if (text.substr(0, end).ends_with(stops[k]) && longer) found = k;
    }
    if (found) return {std::string(text.substr(0, end - stops[*found].size())), found};
  }
  return {std::string(text), std::nullopt};
}

TEST(StopMatcher, HoldsBackOnlyWhatMayBecomeAStop) {
  StopMatcher matcher({"###", "\n\nUser:"});
  EXPECT_EQ(matcher.push("Hi\n").text, "Hi");
  EXPECT_EQ(matcher.push("there").text, "\nthere");
  EXPECT_EQ(matcher.push(" ##").text, " ");
  EXPECT_EQ(matcher.push("x").text, "##x");
  EXPECT_EQ(matcher.push("\n\nUse").text, "");
  EXPECT_EQ(matcher.push("d").text, "\n\nUsed");
  const StopMatcher::Result last = matcher.push(" to.\n\nUser: more");
  EXPECT_EQ(last.text, " to.");
  EXPECT_EQ(last.stop, 1U);
}

TEST(StopMatcher, AnUnfinishedStopComesOutAtTheEnd) {
  StopMatcher matcher({"</answer>"});
  EXPECT_EQ(matcher.push("42</ans").text, "42");
  EXPECT_EQ(matcher.flush(), "</ans");
  EXPECT_EQ(matcher.flush(), "");
  EXPECT_EQ(matcher.push("wer>").text, "wer>");
}

TEST(StopMatcher, DoesNotDependOnHowTheTextIsCut) {
  Random random(3);
  for (int round = 0; round < 5000; ++round) {
    const auto word = [&](std::uint64_t length_max) {
      std::string text;
      for (std::uint64_t n = 1 + random.next() % length_max; n > 0; --n)
        text += "ab"[random.next() % 2];
      return text;
    };
    std::vector<std::string> stops;
    for (std::uint64_t n = 1 + random.next() % 3; n > 0; --n) stops.push_back(word(7));
    const std::string text = word(40);
    for (const std::size_t part : {1, 2, 5, 40}) {
      ASSERT_EQ(run(stops, text, part), expected(stops, text)) << round;
    }
  }
}

TEST(StopMatcher, RefusesWhatIsNoStopString) {
  EXPECT_THROW(StopMatcher({""}), Error);
  EXPECT_THROW(StopMatcher({"\xC3"}), Error);
  EXPECT_THROW(StopMatcher({std::string(StopMatcher::kStopBytesMax + 1, 'x')}), Error);
  EXPECT_THROW(StopMatcher(std::vector<std::string>(StopMatcher::kStopsMax + 1, "x")), Error);
  EXPECT_EQ(StopMatcher({}).push("anything").text, "anything");
}

}  // namespace
}  // namespace hearth
