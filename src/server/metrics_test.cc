#include "server/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hearth {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

TEST(Metrics, CountsInPrometheusForm) {
  Metrics metrics;
  GenerationReport report;
  report.usage = {.prompt_tokens = 10, .cached_tokens = 4, .answer_tokens = 3};
  report.first_token_seconds = 0.03;
  report.total_seconds = 0.2;
  report.token_gaps_seconds = {0.004f, 0.3f};
  metrics.answered("a\"b\\c\n", report);
  report.failed = true;
  metrics.answered("a\"b\\c\n", report);
  metrics.replied("/v1/x", 200);
  metrics.replied("/v1/x", 200);
  const std::string text = metrics.text({});
  const std::string label = "{model_name=\"a\\\"b\\\\c\\n\"";
  EXPECT_THAT(text, HasSubstr("vllm:prompt_tokens_total" + label + "} 20\n"));
  EXPECT_THAT(text, HasSubstr("vllm:prefix_cache_hits_total" + label + "} 8\n"));
  EXPECT_THAT(text,
              HasSubstr("vllm:request_success_total" + label + ",finished_reason=\"error\"} 1\n"));
  EXPECT_THAT(text,
              HasSubstr("vllm:time_to_first_token_seconds_bucket" + label + ",le=\"0.02\"} 0\n"));
  EXPECT_THAT(text,
              HasSubstr("vllm:time_to_first_token_seconds_bucket" + label + ",le=\"0.05\"} 2\n"));
  EXPECT_THAT(text,
              HasSubstr("vllm:inter_token_latency_seconds_bucket" + label + ",le=\"+Inf\"} 4\n"));
  EXPECT_THAT(text, HasSubstr("hearth:http_replies_total{route=\"/v1/x\",status=\"200\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("# TYPE vllm:inter_token_latency_seconds histogram\n"));
  EXPECT_THAT(text, HasSubstr("# TYPE vllm:num_requests_running gauge\n"));
  EXPECT_THAT(text, Not(ContainsRegex("_total gauge")));
  EXPECT_THAT(text, HasSubstr("# TYPE hearth:steps_total counter\n"));
}

}  // namespace
}  // namespace hearth
