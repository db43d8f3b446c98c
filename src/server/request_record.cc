#include "server/request_record.h"

#include <vector>

#include "base/log.h"

namespace hearth {

RequestRecord::~RequestRecord() {
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - arrived;
  std::vector<LogField> fields{{"request_id", std::string_view(id)},
                               {"method", std::string_view(method)},
                               {"route", std::string_view(route)},
                               {"status", static_cast<std::uint64_t>(status)}};
  const auto text = [&](std::string_view name, std::string_view value) {
    if (!value.empty()) fields.push_back({name, value});
  };
  text("key", key);
  text("model", model);
  text("error", error);
  if (report) {
    fields.push_back({"prompt_tokens", std::uint64_t{report->usage.prompt_tokens}});
    fields.push_back({"cached_tokens", std::uint64_t{report->usage.cached_tokens}});
    fields.push_back({"answer_tokens", std::uint64_t{report->usage.answer_tokens}});
    if (report->first_token_seconds > 0)
      fields.push_back({"first_token_s", report->first_token_seconds});
    text("finish", finish_name(*report));
  }
  fields.push_back({"total_s", report ? report->total_seconds : taken.count()});
  log(LogLevel::kInfo, "request", fields);
}

}  // namespace hearth
