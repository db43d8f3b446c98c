#include <gtest/gtest.h>

#include <limits>

#include "api/error.h"
#include "api/ollama.h"

namespace hearth {
namespace {

const ReplyHead kHead{"7f", "smollm2:135m", 1795474288123};
const TokenUsage kUsage{.prompt_tokens = 31,
                        .cached_tokens = 16,
                        .answer_tokens = 2,
                        .context_limit = 8192,
                        .dropped_tokens = 0};
const CallTimings kTimings{1.5, 0.25, 0.125, 1.125};

GenerateCall call_for(const std::string& more) {
  return parse_ollama_generate(R"({"model":"smollm2:135m",)" + more + "}");
}

std::string play(ReplyWriter& writer, const AnswerEnd& end) {
  std::string sent = writer.begin(31, 16);
  sent += writer.piece(0, {"Hel", {}});
  sent += writer.piece(0, {"", {}});
  sent += writer.piece(0, {"lo \xE2\x9C\x93", {}});
  sent += writer.ping();
  sent += writer.finish(0, end);
  return sent + writer.end(kUsage, kTimings);
}

constexpr const char* kTail =
    R"("total_duration":1500000000,"load_duration":250000000,"prompt_eval_count":31,)"
    R"("prompt_eval_duration":125000000,"eval_count":2,"eval_duration":1125000000,)"
    R"("context_limit":8192,"cached_tokens":16})";
const std::string kStart =
    R"({"model":"smollm2:135m","created_at":"2026-11-23T22:51:28.123000000Z",)";

TEST(OllamaWriter, GenerateStreamsLines) {
  const auto writer = make_ollama_generate_writer(call_for(R"("prompt":"Hi")"), kHead);
  EXPECT_EQ(writer->content_type(), "application/x-ndjson");
  EXPECT_EQ(play(*writer, {Finish::kStop, "", {1, 2, 3}}),
            kStart + R"("response":"Hel","done":false})" + "\n" + kStart +
                R"("response":"lo ✓","done":false})" + "\n" + kStart +
                R"("response":"","done":true,"done_reason":"stop","context":[1,2,3],)" + kTail +
                "\n");
}

TEST(OllamaWriter, GenerateRepliesWhole) {
  const auto writer =
      make_ollama_generate_writer(call_for(R"("prompt":"Hi","stream":false)"), kHead);
  EXPECT_EQ(writer->content_type(), "application/json");
  EXPECT_EQ(play(*writer, {Finish::kLength, "", {1, 2, 3}}),
            kStart +
                R"("response":"Hello ✓","done":true,"done_reason":"length","context":[1,2,3],)" +
                kTail);
}

TEST(OllamaWriter, RawHasNoContextAndSuffixHas) {
  const auto raw =
      make_ollama_generate_writer(call_for(R"("prompt":"Hi","stream":false,"raw":true)"), kHead);
  EXPECT_EQ(play(*raw, {Finish::kStopText, "x", {1, 2, 3}}),
            kStart + R"("response":"Hello ✓","done":true,"done_reason":"stop",)" + kTail);
  const auto gap =
      make_ollama_generate_writer(call_for(R"("prompt":"Hi","stream":false,"suffix":"s")"), kHead);
  EXPECT_NE(play(*gap, {Finish::kStop, "", {4}}).find(R"("context":[4])"), std::string::npos);
}

TEST(OllamaWriter, ChatStreamsAndRepliesWhole) {
  const GenerateCall call = call_for(R"("prompt":"Hi")");
  EXPECT_EQ(play(*make_ollama_chat_writer(call, kHead), {Finish::kStop, "", {}}),
            kStart + R"("message":{"role":"assistant","content":"Hel"},"done":false})" + "\n" +
                kStart + R"("message":{"role":"assistant","content":"lo ✓"},"done":false})" + "\n" +
                kStart +
                R"("message":{"role":"assistant","content":""},"done":true,"done_reason":"stop",)" +
                kTail + "\n");
  const GenerateCall whole = call_for(R"("prompt":"Hi","stream":false)");
  EXPECT_EQ(play(*make_ollama_chat_writer(whole, kHead), {Finish::kCancelled, "", {}}),
            kStart + R"("message":{"role":"assistant","content":"Hello ✓"},"done":true,)" + kTail);
}

TEST(OllamaWriter, LogprobsStandBesideTheirPiece) {
  const Piece piece{"\xC3\xA1",
                    {{{198, "\xC3", -0.25f}, {{198, "\xC3", -0.25f}, {7, "b", -1.5f}}},
                     {{164, "\xA1", -std::numeric_limits<float>::infinity()}, {}}}};
  const std::string logprobs =
      R"("logprobs":[{"token":"�","logprob":-0.25,"bytes":[195],"top_logprobs":[)"
      R"({"token":"�","logprob":-0.25,"bytes":[195]},{"token":"b","logprob":-1.5,"bytes":[98]}]},)"
      R"({"token":"�","logprob":-9999.0,"bytes":[161]}]})";
  const auto stream = make_ollama_generate_writer(call_for(R"("prompt":"Hi")"), kHead);
  EXPECT_EQ(stream->piece(0, piece), kStart + R"("response":"á","done":false,)" + logprobs + "\n");
  const auto whole =
      make_ollama_generate_writer(call_for(R"("prompt":"Hi","stream":false)"), kHead);
  EXPECT_EQ(whole->piece(0, piece), "");
  const std::string reply = whole->end(kUsage, kTimings);
  EXPECT_TRUE(reply.ends_with(logprobs)) << reply;
}

TEST(OllamaWriter, DroppedTokensAndOddTimesAreTold) {
  TokenUsage usage = kUsage;
  usage.dropped_tokens = 96;
  const auto writer = make_ollama_chat_writer(call_for(R"("prompt":"Hi","stream":false)"), kHead);
  const std::string reply = writer->end(usage, {-1, 1e300, 0.0000000004, 0.0000000006});
  EXPECT_NE(reply.find(R"("total_duration":0,"load_duration":9200000000000000000,)"),
            std::string::npos);
  EXPECT_NE(reply.find(R"("prompt_eval_duration":0,)"), std::string::npos);
  EXPECT_TRUE(reply.ends_with(R"("eval_duration":1,"context_limit":8192,"cached_tokens":16,)"
                              R"("dropped_tokens":96})"))
      << reply;
}

TEST(OllamaWriter, AnErrorIsALine) {
  const auto writer = make_ollama_chat_writer(call_for(R"("prompt":"Hi")"), kHead);
  ApiError error;
  error.message = "the model is gone";
  EXPECT_EQ(writer->error(error), "{\"error\":\"the model is gone\"}\n");
}

TEST(OllamaWriter, LoadAndUnload) {
  EXPECT_EQ(ollama_loaded_reply(call_for(R"("keep_alive":"5m")"), kHead, false),
            kStart + R"("response":"","done":true,"done_reason":"load"})");
  EXPECT_EQ(
      ollama_loaded_reply(call_for(R"("keep_alive":0)"), kHead, true),
      kStart +
          R"("message":{"role":"assistant","content":""},"done":true,"done_reason":"unload"})");
}

}  // namespace
}  // namespace hearth
