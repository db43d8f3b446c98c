#include "cli/top_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace hearth {
namespace {

using testing::Each;
using testing::HasSubstr;
using testing::SizeIs;

std::string metrics(int answer_tokens, int first, int second) {
  const auto line = [](const std::string& name, const std::string& labels, double value) {
    return name + "{model_name=\"a\\\"b\"" + labels + "} " + std::to_string(value) + "\n";
  };
  const std::string bucket = "vllm:time_to_first_token_seconds_bucket";
  return "# HELP x y\nbroken{ \nnothing\nhearth:kv_blocks{model_name=\"a\"b\"} oops\n" +
         line("vllm:num_requests_running", "", 3) + line("vllm:num_requests_waiting", "", 2) +
         line("hearth:model_memory_bytes", "", 2e9) + line("hearth:kv_blocks", "", 200) +
         line("hearth:kv_blocks_in_use", "", 50) + line("hearth:leaves_in_seconds", "", 250) +
         line("hearth:computed_prompt_tokens_total", "", 1000) +
         line("hearth:computed_answer_tokens_total", "", answer_tokens) +
         line("vllm:prefix_cache_queries_total", "", 400) +
         line("vllm:prefix_cache_hits_total", "", 100) + line(bucket, ",le=\"0.1\"", first) +
         line(bucket, ",le=\"0.2\"", first + second) +
         line(bucket, ",le=\"+Inf\"", first + second) +
         "vllm:generation_tokens_total{model_name=\"gone\"} 7\n"
         "process_resident_memory_bytes 3000000000\n";
}

TEST(TopView, RatesAreOfTheIntervalAndTheRestOfTheWindow) {
  const ServerSample since, before = parse_metrics(metrics(10, 0, 0), 100),
                            now = parse_metrics(metrics(34, 10, 10), 102);
  const TopView view = top_view(since, before, now);
  ASSERT_THAT(view.models, SizeIs(1));  // "gone" is not in memory
  const TopFigures& of = view.models[0];
  EXPECT_EQ(of.name, "a\"b");
  EXPECT_EQ(of.running, 3);
  EXPECT_EQ(of.waiting, 2);
  EXPECT_DOUBLE_EQ(of.answer_tokens_per_second, 12);
  EXPECT_DOUBLE_EQ(of.prompt_tokens_per_second, 0);
  EXPECT_DOUBLE_EQ(of.first_token_p50_seconds.value(), 0.1);
  EXPECT_NEAR(of.first_token_p95_seconds.value(), 0.19, 1e-9);
  EXPECT_DOUBLE_EQ(of.cache_hit_share.value(), 0.25);
  EXPECT_DOUBLE_EQ(view.all.answer_tokens_per_second, 12);
  EXPECT_DOUBLE_EQ(view.all.memory_bytes, 3e9);
  const TopView later = top_view(before, before, now);
  EXPECT_FALSE(later.models[0].cache_hit_share);  // nothing was looked for in between
}

TEST(TopView, AModelLoadedAnewCountsFromZero) {
  const ServerSample before = parse_metrics(metrics(1000, 0, 0), 100),
                     now = parse_metrics(metrics(6, 0, 0), 101);
  EXPECT_DOUBLE_EQ(top_view(before, before, now).all.answer_tokens_per_second, 6);
}

TEST(TopView, LinesFitTheTerminal) {
  const ServerSample now = parse_metrics(metrics(34, 10, 10), 102);
  const TopView view = top_view({}, now, now);
  const std::vector<std::string> wide = top_lines(view, "http://h", 200, 50);
  EXPECT_THAT(wide, testing::Contains(HasSubstr("3 running, 2 waiting")));
  EXPECT_THAT(wide, testing::Contains(HasSubstr("50 of 200; prompts found in the cache 25 %")));
  EXPECT_THAT(wide.back(), testing::StartsWith("a\"b"));
  for (const std::size_t columns : {1u, 7u, 40u, 79u}) {
    EXPECT_THAT(top_lines(view, "http://h", columns, 50), Each(SizeIs(testing::Le(columns))));
  }
  EXPECT_THAT(top_lines(view, "http://h", 80, 3), SizeIs(3));
  EXPECT_THAT(top_lines(top_view({}, {}, {}), "http://h", 80, 50).back(),
              HasSubstr("no model is in memory"));
}

TEST(TopView, ANameDoesNotSteerTheTerminal) {
  const ServerSample now =
      parse_metrics("hearth:model_memory_bytes{model_name=\"\x1b[2J\"} 1\n", 1);
  for (const std::string& line : top_lines(top_view({}, now, now), "http://h", 200, 50)) {
    EXPECT_EQ(line.find('\x1b'), std::string::npos);
  }
}

TEST(TopView, JsonHasEveryFigure) {
  const ServerSample now = parse_metrics(metrics(34, 0, 0), 102);
  const auto json = top_json(top_view({}, now, now));
  EXPECT_EQ(json["running"], 3);
  EXPECT_TRUE(json["first_token_p50_seconds"].is_null());
  EXPECT_EQ(json["models"][0]["name"], "a\"b");
  EXPECT_EQ(json["models"][0]["leaves_in_seconds"], 250);
  EXPECT_EQ(json["models"][0]["kv_blocks_in_use"], 50);
}

}  // namespace
}  // namespace hearth
