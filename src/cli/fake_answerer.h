// FakeAnswerer: answers what a test told it to, in pieces, and remembers what it was asked. For
// tests of the terminal. One thread.
#pragma once

#include <csignal>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "host/answerer.h"

namespace hearth {

class FakeAnswerer final : public Answerer {
 public:
  struct Script {
    std::vector<std::string> pieces;
    std::size_t interrupt_before = SIZE_MAX;  // the piece before which Ctrl-C arrives
    std::string refusal = {};                 // when given, kResourceExhausted with it
  };

  const ModelCard& card() const override { return model_card; }

  Answer chat(const Conversation& conversation, const AskOptions& options, const OnText& on_text,
              const CancelToken* cancel) override {
    asked.push_back(conversation);
    return play(options, on_text, cancel);
  }

  Answer complete(std::string_view prompt, const AskOptions& options, const OnText& on_text,
                  const CancelToken* cancel) override {
    completed.emplace_back(prompt);
    return play(options, on_text, cancel);
  }

  ModelCard model_card{"Fake 1B", 2048, 1'000'000'000, 500'000'000, true, "test"};
  std::deque<Script> scripts;
  std::string finish_reason = "stop";
  std::vector<Conversation> asked;
  std::vector<std::string> completed;
  std::vector<AskOptions> options_seen;

 private:
  Answer play(const AskOptions& options, const OnText& on_text, const CancelToken* cancel) {
    options_seen.push_back(options);
    const Script script = std::move(scripts.at(0));  // throws when a test told too little
    scripts.pop_front();
    if (!script.refusal.empty()) throw Error(ErrorCode::kResourceExhausted, script.refusal);
    Answer answer{"", 5, 0, {1, 2, 3, 4, 5}, {}, finish_reason, {0.5, 2.0, 1}};
    for (std::size_t i = 0; i < script.pieces.size() || i == script.interrupt_before; ++i) {
      if (i == script.interrupt_before) std::raise(SIGINT);
      if (cancel->cancelled()) {
        answer.finish_reason = "cancelled";
        break;
      }
      answer.text += script.pieces[i];
      answer.token_ids.push_back(static_cast<TokenId>(i));
      ++answer.answer_tokens;
      on_text(script.pieces[i]);
    }
    return answer;
  }
};

}  // namespace hearth
