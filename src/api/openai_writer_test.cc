#include "api/openai_writer.h"

#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "api/error.h"
#include "api/openai.h"

namespace hearth {
namespace {

using nlohmann::json;

const ReplyHead kHead{.id = "7f", .model = "smollm2:135m", .created_unix_ms = 1700000000999};
const TokenUsage kUsage{
    .prompt_tokens = 9, .cached_tokens = 4, .answer_tokens = 3, .context_limit = 2048};

std::string frame(const std::string& id, const std::string& object) {
  return R"({"id":")" + id + R"(","object":")" + object +
         R"(","created":1700000000,"model":"smollm2:135m","system_fingerprint":")" +
         openai_fingerprint() + R"(","choices":[)";
}
const char* const kUsageText =
    R"("usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12,)"
    R"("prompt_tokens_details":{"cached_tokens":4,"audio_tokens":0},)"
    R"("completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,)"
    R"("accepted_prediction_tokens":0,"rejected_prediction_tokens":0},"context_limit":2048})";

AnswerEnd ended(Finish finish, std::string stop_text = "") {
  AnswerEnd end;
  end.finish = finish;
  end.stop_text = std::move(stop_text);
  return end;
}

GenerateCall call_with(bool stream) {
  GenerateCall call;
  call.prompts.emplace_back(Conversation{});
  call.stream = stream;
  return call;
}

PieceLogprobs logprobs(std::string bytes, float logprob, std::vector<TokenLogprob> top = {}) {
  return {.token = {.id = 1, .bytes = std::move(bytes), .logprob = logprob}, .top = std::move(top)};
}

TEST(OpenAiChatWriter, AWholeReply) {
  const auto writer = make_openai_chat_writer(call_with(false), kHead);
  EXPECT_EQ(writer->content_type(), "application/json");
  EXPECT_EQ(writer->begin(9, 4), "");
  EXPECT_EQ(writer->ping(), "");
  EXPECT_EQ(writer->piece(0, {"Hello ", {}}), "");
  EXPECT_EQ(writer->piece(0, {"\"you\"\n", {}}), "");
  EXPECT_EQ(writer->finish(0, ended(Finish::kLength)), "");
  EXPECT_EQ(writer->end(kUsage, {}),
            frame("chatcmpl-7f", "chat.completion") +
                R"({"index":0,"message":{"role":"assistant","content":"Hello \"you\"\n",)"
                R"("refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"length"}],)" +
                kUsageText + "}");
}

TEST(OpenAiChatWriter, AStream) {
  const auto writer = make_openai_chat_writer(call_with(true), kHead);
  const std::string start = "data: " + frame("chatcmpl-7f", "chat.completion.chunk");
  EXPECT_EQ(writer->content_type(), "text/event-stream; charset=utf-8");
  EXPECT_EQ(writer->begin(9, 4),
            start + R"({"index":0,"delta":{"role":"assistant","content":"","refusal":null},)"
                    R"("logprobs":null,"finish_reason":null}]})"
                    "\n\n");
  EXPECT_EQ(writer->piece(0, {"", {}}), "");
  EXPECT_EQ(writer->piece(0, {"é", {}}),
            start + R"({"index":0,"delta":{"content":"é"},"logprobs":null,"finish_reason":null}]})"
                    "\n\n");
  EXPECT_EQ(writer->ping(), ": ping\n\n");
  EXPECT_EQ(writer->finish(0, ended(Finish::kStopText, "x")),
            start + R"({"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}]})"
                    "\n\n");
  EXPECT_EQ(writer->end(kUsage, {}), "data: [DONE]\n\n");
}

TEST(OpenAiChatWriter, AStreamWithUsage) {
  GenerateCall call = call_with(true);
  call.include_usage = true;
  const auto writer = make_openai_chat_writer(call, kHead);
  const std::string start = "data: " + frame("chatcmpl-7f", "chat.completion.chunk");
  EXPECT_TRUE(writer->begin(9, 4).ends_with(R"("finish_reason":null}],"usage":null})"
                                            "\n\n"));
  EXPECT_TRUE(writer->piece(0, {"a", {}})
                  .ends_with(R"("finish_reason":null}],"usage":null})"
                             "\n\n"));
  EXPECT_EQ(writer->end(kUsage, {}), start + "]," + kUsageText + "}\n\ndata: [DONE]\n\n");
  TokenUsage dropped = kUsage;
  dropped.dropped_tokens = 6;
  EXPECT_NE(writer->end(dropped, {}).find(R"("context_limit":2048,"dropped_tokens":6})"),
            std::string::npos);
}

TEST(OpenAiChatWriter, ALogprobIsOfBytes) {
  GenerateCall call = call_with(true);
  call.top_logprobs = 1;
  const auto writer = make_openai_chat_writer(call, kHead);
  const float impossible = -std::numeric_limits<float>::infinity();
  const Piece piece{
      "", {logprobs("\xF0\x9F", -0.1f, {{.id = 2, .bytes = "a", .logprob = impossible}})}};
  const std::string event = writer->piece(0, piece);
  const std::string expected =
      R"("delta":{"content":""},"logprobs":{"content":[{"token":"\\xf0\\x9f","logprob":-0.1,)"
      R"("bytes":[240,159],"top_logprobs":[{"token":"a","logprob":-9999.0,"bytes":[97]}]}],)"
      R"("refusal":null},"finish_reason":null)";
  EXPECT_NE(event.find(expected), std::string::npos) << event;
}

TEST(OpenAiWriters, AnErrorInAStreamIsAnEvent) {
  const ApiError error = api_error(Error(ErrorCode::kUnavailable, "out of blocks"));
  const std::string body = R"({"error":{"message":"out of blocks","type":"server_error",)"
                           R"("param":null,"code":"unavailable"}})";
  EXPECT_EQ(make_openai_chat_writer(call_with(true), kHead)->error(error),
            "data: " + body + "\n\n");
  EXPECT_EQ(make_openai_completion_writer(call_with(false), kHead)->error(error), body);
}

TEST(OpenAiCompletionWriter, AWholeReplyToTwoPrompts) {
  GenerateCall call = call_with(false);
  call.prompts.emplace_back(RawText{});
  call.n = 2;
  const auto writer = make_openai_completion_writer(call, kHead);
  EXPECT_EQ(writer->begin(9, 4), "");
  for (std::size_t answer : {3U, 1U, 0U, 2U}) {
    writer->piece(answer, {"text " + std::to_string(answer), {}});
    writer->finish(answer, ended(answer == 1 ? Finish::kCancelled : Finish::kStop));
  }
  const auto choice = [](const std::string& index, const std::string& reason) {
    return R"({"text":"text )" + index + R"(","index":)" + index +
           R"(,"logprobs":null,"finish_reason":")" + reason + R"("})";
  };
  EXPECT_EQ(writer->end(kUsage, {}), frame("cmpl-7f", "text_completion") + choice("0", "stop") +
                                         "," + choice("1", "length") + "," + choice("2", "stop") +
                                         "," + choice("3", "stop") + "]," + kUsageText + "}");
}

TEST(OpenAiCompletionWriter, AStream) {
  const auto writer = make_openai_completion_writer(call_with(true), kHead);
  const std::string start = "data: " + frame("cmpl-7f", "text_completion");
  EXPECT_EQ(writer->begin(9, 4), "");
  EXPECT_EQ(writer->piece(0, {"a", {}}),
            start + R"({"text":"a","index":0,"logprobs":null,"finish_reason":null}]})"
                    "\n\n");
  EXPECT_EQ(writer->finish(0, {}),
            start + R"({"text":"","index":0,"logprobs":null,"finish_reason":"stop"}]})"
                    "\n\n");
  EXPECT_EQ(writer->end(kUsage, {}), "data: [DONE]\n\n");
}

// The older form: four lists. The first token of an echoed prompt was not predicted.
std::vector<PieceLogprobs> cafe() {
  const float unknown = std::numeric_limits<float>::quiet_NaN();
  return {logprobs("caf", unknown),
          logprobs("\xC3", -0.5f, {{.id = 3, .bytes = "e", .logprob = -0.25f}}),
          logprobs("\xA9", 0.0f, {{.id = 4, .bytes = "\xA9", .logprob = 0.0f}}),
          logprobs("!", -2.0f)};
}

TEST(OpenAiCompletionWriter, LogprobsOfAWholeReply) {
  GenerateCall call = call_with(false);
  call.top_logprobs = 1;
  const auto writer = make_openai_completion_writer(call, kHead);
  writer->piece(0, {"café!", cafe()});
  const std::string reply = writer->end(kUsage, {});
  const std::string expected =
      R"("logprobs":{"tokens":["caf","bytes:\\xc3","bytes:\\xa9","!"],)"
      R"("token_logprobs":[null,-0.5,0.0,-2.0],)"
      R"("top_logprobs":[null,{"e":-0.25,"bytes:\\xc3":-0.5},{"bytes:\\xa9":0.0},{"!":-2.0}],)"
      R"("text_offset":[0,3,4,4]})";
  EXPECT_NE(reply.find(expected), std::string::npos) << reply;
}

// Every event of a stream, joined as the official clients join them.
struct Joined {
  std::vector<std::string> texts, reasons;
  std::vector<json> logprobs;
  json usage;
};

Joined join(const std::string& stream, std::size_t answers) {
  Joined joined{.texts = std::vector<std::string>(answers),
                .reasons = std::vector<std::string>(answers),
                .logprobs = std::vector<json>(answers, json::array()),
                .usage = nullptr};
  std::size_t at = 0;
  for (std::size_t next; (next = stream.find("\n\n", at)) != std::string::npos; at = next + 2) {
    const std::string event = stream.substr(at, next - at);
    if (event == "data: [DONE]") break;
    const json chunk = json::parse(event.substr(6));
    if (!chunk.value("usage", json()).is_null()) joined.usage = chunk["usage"];
    for (const json& choice : chunk["choices"]) {
      const std::size_t index = choice["index"];
      const json text =
          choice.contains("delta") ? choice["delta"].value("content", json("")) : choice["text"];
      joined.texts[index] += text.get<std::string>();
      const json& reason = choice["finish_reason"];
      if (!reason.is_null()) joined.reasons[index] = reason.get<std::string>();
      const json& content = choice["logprobs"];
      if (content.is_null()) continue;
      const char* list = content.contains("content") ? "content" : "text_offset";
      for (const json& token : content[list]) joined.logprobs[index].push_back(token);
    }
  }
  return joined;
}

using MakeWriter = std::unique_ptr<ReplyWriter> (*)(const GenerateCall&, const ReplyHead&);

std::string play(MakeWriter make, bool stream) {
  GenerateCall call = call_with(stream);
  call.n = 3;
  call.include_usage = stream;
  call.top_logprobs = 1;
  const auto writer = make(call, kHead);
  std::string sent = writer->begin(9, 4);
  const std::vector<PieceLogprobs> all = cafe();
  for (std::size_t answer : {2U, 0U, 1U}) sent += writer->piece(answer, {"caf", {all[0]}});
  for (std::size_t answer : {1U, 2U, 0U}) {
    sent += writer->piece(answer, {"", {all[1]}});
    sent += writer->piece(answer, {"é", {all[2]}});
    sent += writer->ping();
    sent += writer->piece(answer, {"!" + std::to_string(answer), {all[3]}});
    sent += writer->finish(answer, ended(answer == 1 ? Finish::kLength : Finish::kStop));
  }
  return sent + writer->end(kUsage, {});
}

TEST(OpenAiWriters, StreamAndWholeAgree) {
  for (const MakeWriter make : {&make_openai_chat_writer, &make_openai_completion_writer}) {
    std::string stream = play(make, true);
    for (std::size_t at; (at = stream.find(": ping\n\n")) != std::string::npos;)
      stream.erase(at, 8);
    const Joined joined = join(stream, 3);
    const json whole = json::parse(play(make, false));
    EXPECT_EQ(joined.usage, whole["usage"]);
    ASSERT_EQ(whole["choices"].size(), 3U);
    for (const json& choice : whole["choices"]) {
      const std::size_t index = choice["index"];
      const bool chat = choice.contains("message");
      EXPECT_EQ(joined.texts[index], "café!" + std::to_string(index));
      const json& text = chat ? choice["message"]["content"] : choice["text"];
      EXPECT_EQ(text, json(joined.texts[index]));
      EXPECT_EQ(choice["finish_reason"], json(joined.reasons[index]));
      EXPECT_EQ(joined.logprobs[index], choice["logprobs"][chat ? "content" : "text_offset"]);
      EXPECT_EQ(joined.logprobs[index].size(), 4U);
    }
  }
}

// The official client takes the n-th index it meets for the n-th choice.
TEST(OpenAiWriters, AStreamOfChatsOpensItsChoicesInOrder) {
  GenerateCall call = call_with(true);
  call.n = 3;
  const std::string opening = make_openai_chat_writer(call, kHead)->begin(9, 4);
  const std::size_t first = opening.find(R"("index":0)"), second = opening.find(R"("index":1)"),
                    third = opening.find(R"("index":2)");
  EXPECT_LT(first, second);
  EXPECT_LT(second, third);
  EXPECT_NE(third, std::string::npos);
}

}  // namespace
}  // namespace hearth
