#include "cli/remote_answerer.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/error.h"

namespace hearth {
namespace {

using nlohmann::json;

constexpr double kNanosecond = 1e-9;

json options_json(const AskOptions& options) {
  const SamplingOptions& s = options.sampling;
  json object = {{"temperature", s.temperature},
                 {"top_k", s.top_k},
                 {"top_p", s.top_p},
                 {"min_p", s.min_p},
                 {"typical_p", s.typical_p},
                 {"repeat_penalty", s.repeat_penalty},
                 {"repeat_last_n", s.repeat_last_n},
                 {"presence_penalty", s.presence_penalty},
                 {"frequency_penalty", s.frequency_penalty},
                 {"seed", s.seed},
                 {"stop", options.stop}};
  if (options.max_tokens != SIZE_MAX) object["num_predict"] = options.max_tokens;
  return object;
}

json messages_json(const Conversation& conversation) {
  json messages = json::array();
  for (const Message& message : conversation.messages) {
    messages.push_back({{"role", message.role}, {"content", message.content.value_or("")}});
  }
  return messages;
}

// The lines of /api/show: a name, blanks, and the value; texts are quoted as JSON.
std::vector<std::pair<std::string, std::string>> parameters_of(const std::string& lines) {
  std::vector<std::pair<std::string, std::string>> parameters;
  std::istringstream text(lines);
  for (std::string line; std::getline(text, line);) {
    const std::size_t end = std::min(line.find(' '), line.size());
    const std::size_t value = std::min(line.find_first_not_of(' ', end), line.size());
    const json quoted = json::parse(line.substr(value), nullptr, false);
    parameters.emplace_back(line.substr(0, end),
                            quoted.is_string() ? quoted.get<std::string>() : line.substr(value));
  }
  return parameters;
}

class RemoteAnswerer final : public Answerer {
 public:
  RemoteAnswerer(RunningServer& server, const std::string& model) : server_(server), model_(model) {
    const json shown = server_.post("/api/show", {{"model", model_}});
    server_.post("/api/generate", {{"model", model_}, {"stream", false}});
    card_.name = shown.value("model_info", json::object()).value("general.name", model_);
    card_.has_template = !shown.value("template", "").empty();
    card_.system = shown.value("system", "");
    card_.parameters_set = parameters_of(shown.value("parameters", ""));
    card_.device = "the server at " + server_.address();
    for (const json& running : server_.get("/api/ps").value("models", json::array())) {
      const std::string name = running.value("name", "");
      if (name == model_ || name.starts_with(model_ + ":")) {
        card_.context = running.value("context_length", std::size_t{0});
      }
    }
  }

  const ModelCard& card() const override { return card_; }

  Answer chat(const Conversation& conversation, const AskOptions& options, const OnText& on_text,
              const CancelToken* cancel) override {
    return ask("/api/chat", {{"messages", messages_json(conversation)}}, options, on_text, cancel);
  }

  Answer complete(std::string_view prompt, const AskOptions& options, const OnText& on_text,
                  const CancelToken* cancel) override {
    return ask("/api/generate", {{"prompt", prompt}, {"raw", true}}, options, on_text, cancel);
  }

 private:
  Answer ask(const std::string& path, json body, const AskOptions& options, const OnText& on_text,
             const CancelToken* cancel) {
    body["model"] = model_;
    body["stream"] = true;
    body["options"] = options_json(options);
    Answer answer;
    const auto on_line = [&](const json& line) {
      const std::string text = line.contains("message") ? line["message"].value("content", "")
                                                        : line.value("response", "");
      answer.text += text;
      if (!text.empty() && on_text) on_text(text);
      if (line.value("done", false)) end(line, answer);
    };
    try {
      server_.stream(path, body, on_line, cancel);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kCancelled) throw;
      answer.finish_reason = "cancelled";
    }
    return answer;
  }

  void end(const json& line, Answer& answer) {
    card_.context = line.value("context_limit", card_.context);
    answer.finish_reason = line.value("done_reason", "stop");
    answer.prompt_tokens = line.value("prompt_eval_count", std::size_t{0});
    answer.answer_tokens = line.value("eval_count", std::size_t{0});
    answer.timings.cached_tokens = line.value("cached_tokens", std::size_t{0});
    answer.timings.prompt_seconds = line.value("prompt_eval_duration", 0.0) * kNanosecond;
    answer.timings.generation_seconds = line.value("eval_duration", 0.0) * kNanosecond;
  }

  RunningServer& server_;
  std::string model_;
  ModelCard card_;
};

}  // namespace

std::unique_ptr<Answerer> make_remote_answerer(RunningServer& server, const std::string& model) {
  return std::make_unique<RemoteAnswerer>(server, model);
}

}  // namespace hearth
