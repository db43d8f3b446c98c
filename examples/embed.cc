// Embeds Hearth in a program: example_embed MODEL.gguf "a question" prints the answer as it is
// made.
#include <cstdio>
#include <exception>
#include <string_view>

#include "hearth.h"

namespace {

void answer(const char* path, const char* question) {
  const auto model = hearth::open_model(path, {});
  const auto answerer = hearth::make_local_answerer(*model);
  hearth::Conversation conversation;
  conversation.messages.push_back({.role = "user", .content = question});
  hearth::AskOptions options;
  options.sampling.temperature = 0;
  options.max_tokens = 64;
  const auto print = [](std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
  };
  const hearth::Answer made = answerer->chat(conversation, options, print, nullptr);
  std::printf("\n(%zu tokens, %s)\n", made.token_ids.size(), made.finish_reason.c_str());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: %s MODEL.gguf QUESTION\n", argv[0]);
    return 2;
  }
  try {
    answer(argv[1], argv[2]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
