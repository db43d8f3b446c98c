#include "api/anthropic.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "api/boundary_table.h"
#include "api/error.h"
#include "api/ollama.h"

namespace hearth {
namespace {

using nlohmann::json;

std::string body_with(const std::string& fields) {
  return R"({"model":"m","max_tokens":5,"messages":[{"role":"user","content":"hi"}])" +
         (fields.empty() ? "" : "," + fields) + "}";
}

GenerateCall parse(const std::string& fields) { return parse_anthropic_message(body_with(fields)); }

std::string refusal(const std::string& body) {
  try {
    parse_anthropic_message(body);
    return "";
  } catch (const FieldError& error) {
    return error.field() + "|" + error.message();
  }
}

const std::vector<Message>& messages(const GenerateCall& call) {
  return std::get<Conversation>(call.prompts.at(0)).messages;
}

TEST(Anthropic, AnAbsentFieldIsAsAnthropicHasIt) {
  const GenerateCall call = parse("");
  EXPECT_EQ(call.model, "m");
  EXPECT_EQ(call.max_tokens, 5U);
  EXPECT_EQ(call.sampling.temperature, 1.0f);
  EXPECT_EQ(call.sampling.top_p, 1.0f);
  EXPECT_EQ(call.sampling.top_k, 0);
  EXPECT_EQ(call.sampling.min_p, 0.0f);
  EXPECT_FALSE(call.stream);
  EXPECT_EQ(call.n, 1U);
  ASSERT_EQ(messages(call).size(), 1U);
  EXPECT_EQ(messages(call)[0].role, "user");
}

TEST(Anthropic, ReadsEveryField) {
  const GenerateCall call =
      parse(R"("system":[{"type":"text","text":"be","cache_control":{"type":"ephemeral"}},)"
            R"({"type":"text","text":" brief","citations":null}],"temperature":0.5,"top_p":0.25,)"
            R"("top_k":7,"stop_sequences":["a","b"],"stream":true,"metadata":{"user_id":"u"},)"
            R"("overflow":"truncate","cache_control":{"type":"ephemeral"},"service_tier":"auto")");
  ASSERT_EQ(messages(call).size(), 2U);
  EXPECT_EQ(messages(call)[0].role, "system");
  ASSERT_EQ(messages(call)[0].parts.size(), 2U);
  EXPECT_EQ(messages(call)[0].parts[1].text, " brief");
  EXPECT_EQ(call.sampling.temperature, 0.5f);
  EXPECT_EQ(call.sampling.top_p, 0.25f);
  EXPECT_EQ(call.sampling.top_k, 7);
  EXPECT_EQ(call.stop, (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(call.stream);
  EXPECT_EQ(call.user, "u");
  EXPECT_EQ(call.overflow, Overflow::kTruncate);
}

TEST(Anthropic, TwoTurnsOfOneRoleAreOne) {
  const GenerateCall call = parse_anthropic_message(R"({"model":"m","max_tokens":1,"system":"s",
    "messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},
                {"role":"user","content":"c"},{"role":"assistant","content":"d"},
                {"role":"user","content":"e"}]})");
  ASSERT_EQ(messages(call).size(), 4U);
  EXPECT_EQ(messages(call)[0].content, "s");
  EXPECT_EQ(messages(call)[1].content, "ab\n\nc");
  EXPECT_TRUE(messages(call)[1].parts.empty());
  EXPECT_EQ(messages(call)[2].role, "assistant");
  EXPECT_EQ(messages(call)[3].content, "e");
}

TEST(Anthropic, LetsPassWhatAsksForNothing) {
  for (const char* harmless :
       {R"("tools":[])", R"("tool_choice":{"type":"auto"})", R"("thinking":{"type":"disabled"})",
        R"("output_config":{})", R"("mcp_servers":[])", R"("service_tier":"standard_only")",
        R"("container":null)", R"("speed":"standard")", R"("diagnostics":{})", R"("metadata":{})",
        R"("metadata":{"user_id":null})"}) {
    EXPECT_EQ(refusal(body_with(harmless)), "") << harmless;
  }
}

TEST(Anthropic, SaysWhatIsWrong) {
  const std::pair<std::string, const char*> cases[] = {
      {R"({"model":"m","messages":[{"role":"user","content":"hi"}]})",
       "max_tokens|max_tokens is missing, must be an integer from 0 to 2147483647"},
      {body_with(R"("temperature":1.5)"),
       "temperature|temperature is 1.5, must be a number from 0 to 1"},
      {body_with(R"("tools":[{"name":"f"}])"), "tools|tools is not served yet: leave it out"},
      {body_with(R"("tool_choice":{"type":"any"})"),
       "tool_choice|tool_choice is not served yet: leave it out"},
      {body_with(R"("thinking":{"type":"enabled","budget_tokens":1024})"),
       "thinking|thinking is not served yet: leave it out"},
      {body_with(R"("speed":"fast")"), "speed|speed 'fast' is not served yet: leave it out"},
      {body_with(R"("stop_sequences":[""])"),
       "stop_sequences[0]|stop_sequences[0] must be a string of 1 to 1024 bytes"},
      {body_with(R"("n":2)"), "n|unknown field 'n': leave it out"},
      {body_with(R"("metadata":{"x":1})"),
       "metadata.x|unknown field 'x' in metadata: leave it out"},
      {R"({"model":"m","max_tokens":1,"messages":[{"role":"tool","content":"x"}]})",
       "messages[0].role|messages[0].role is 'tool', must be user, assistant or system"},
      {R"({"model":"m","max_tokens":1,"messages":[{"role":"user"}]})",
       "messages[0].content|messages[0].content is missing, must be a string of at most 33554432 "
       "bytes or an array of at most 33554432 members"},
      {R"({"model":"m","max_tokens":1,"messages":[{"role":"user","content":[{"type":"image",)"
       R"("source":{}}]}]})",
       "messages[0].content[0].type|messages[0].content[0].type 'image' is not served yet: leave "
       "it out"},
  };
  for (const auto& [body, message] : cases) EXPECT_EQ(refusal(body), message) << body;
}

TEST(Anthropic, CountsWithoutMaxTokens) {
  const GenerateCall call = parse_anthropic_count(
      R"({"model":"m","system":"s","messages":[{"role":"user","content":"hi"}],"tools":[]})");
  EXPECT_EQ(call.max_tokens, 0U);
  EXPECT_EQ(messages(call).size(), 2U);
  EXPECT_THROW(parse_anthropic_count(body_with("")), FieldError);
  EXPECT_EQ(anthropic_count_reply(42), R"({"input_tokens":42})");
}

TEST(Anthropic, HoldsEveryLimit) {
  EXPECT_GT(check_boundaries(anthropic_message_fields(), R"({"model":"m","max_tokens":1,
    "messages":[{"role":"user","content":[{"type":"text","text":"a"}]}],
    "system":[{"type":"text","text":"a"}],"metadata":{}})"),
            250U);
  EXPECT_GT(check_boundaries(anthropic_count_fields(), R"({"model":"m",
    "messages":[{"role":"user","content":[{"type":"text","text":"a"}]}],
    "system":[{"type":"text","text":"a"}]})"),
            100U);
}

const ReplyHead kHead{.id = "7f", .model = "smollm2:135m", .created_unix_ms = 1700000000999};
const TokenUsage kUsage{
    .prompt_tokens = 9, .cached_tokens = 4, .answer_tokens = 3, .context_limit = 2048};

AnswerEnd ended(Finish finish, std::string stop_text = "") {
  AnswerEnd end;
  end.finish = finish;
  end.stop_text = std::move(stop_text);
  return end;
}

std::unique_ptr<ReplyWriter> writer_of(bool stream) {
  return make_anthropic_writer(parse(stream ? R"("stream":true)" : ""), kHead);
}

TEST(AnthropicWriter, AWholeReply) {
  const auto writer = writer_of(false);
  EXPECT_EQ(writer->content_type(), "application/json");
  EXPECT_EQ(writer->begin(9, 4), "");
  EXPECT_EQ(writer->piece(0, {"Hello ", {}}), "");
  EXPECT_EQ(writer->piece(0, {"you", {}}), "");
  EXPECT_EQ(writer->ping(), "");
  EXPECT_EQ(writer->finish(0, ended(Finish::kStopText, "###")), "");
  EXPECT_EQ(writer->end(kUsage, {}),
            R"({"id":"msg_7f","type":"message","role":"assistant","model":"smollm2:135m",)"
            R"("content":[{"type":"text","text":"Hello you"}],"stop_reason":"stop_sequence",)"
            R"("stop_sequence":"###","usage":{"input_tokens":5,"cache_creation_input_tokens":0,)"
            R"("cache_read_input_tokens":4,"output_tokens":3,"context_limit":2048}})");
}

TEST(AnthropicWriter, AStream) {
  const auto writer = writer_of(true);
  EXPECT_EQ(writer->content_type(), "text/event-stream; charset=utf-8");
  EXPECT_EQ(writer->begin(9, 4),
            "event: message_start\n"
            R"(data: {"type":"message_start","message":{"id":"msg_7f","type":"message",)"
            R"("role":"assistant","model":"smollm2:135m","content":[],"stop_reason":null,)"
            R"("stop_sequence":null,"usage":{"input_tokens":5,"cache_creation_input_tokens":0,)"
            R"("cache_read_input_tokens":4,"output_tokens":0}}})"
            "\n\n"
            "event: content_block_start\n"
            R"(data: {"type":"content_block_start","index":0,)"
            R"("content_block":{"type":"text","text":""}})"
            "\n\n");
  EXPECT_EQ(writer->piece(0, {"", {}}), "");
  EXPECT_EQ(writer->piece(0, {"é", {}}),
            "event: content_block_delta\n"
            R"(data: {"type":"content_block_delta","index":0,)"
            R"("delta":{"type":"text_delta","text":"é"}})"
            "\n\n");
  EXPECT_EQ(writer->ping(), "event: ping\ndata: {\"type\":\"ping\"}\n\n");
  EXPECT_EQ(writer->finish(0, ended(Finish::kStop)),
            "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n");
  EXPECT_EQ(writer->end(kUsage, {}),
            "event: message_delta\n"
            R"(data: {"type":"message_delta","delta":{"stop_reason":"end_turn",)"
            R"("stop_sequence":null},"usage":{"input_tokens":5,"cache_creation_input_tokens":0,)"
            R"("cache_read_input_tokens":4,"output_tokens":3,"context_limit":2048}})"
            "\n\n"
            "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n");
}

TEST(AnthropicWriter, StopReasons) {
  const auto reason = [](Finish finish) {
    const auto writer = writer_of(false);
    writer->finish(0, ended(finish));
    return json::parse(writer->end(kUsage, {}))["stop_reason"].get<std::string>();
  };
  EXPECT_EQ(reason(Finish::kStop), "end_turn");
  EXPECT_EQ(reason(Finish::kLength), "max_tokens");
  EXPECT_EQ(reason(Finish::kCancelled), "max_tokens");
  EXPECT_EQ(reason(Finish::kStopText), "stop_sequence");
}

TEST(AnthropicWriter, AnErrorInAStreamIsAnEvent) {
  const ApiError error = api_error(Error(ErrorCode::kUnavailable, "out of blocks"));
  const std::string body = R"({"type":"error","error":{"type":"overloaded_error",)"
                           R"("message":"out of blocks"},"request_id":"7f"})";
  EXPECT_EQ(writer_of(true)->error(error), "event: error\ndata: " + body + "\n\n");
  EXPECT_EQ(writer_of(false)->error(error), body);
}

TEST(Anthropic, AModelsParametersFillWhatTheRequestLeavesOpen) {
  const std::pair<std::string, std::string> parameters[] = {
      {"temperature", "0"}, {"num_predict", "7"}, {"top_k", "3"}, {"stop", "a"}};
  GenerateCall open = parse_anthropic_message(
      R"({"model":"m","max_tokens":2,"messages":[{"role":"user","content":"a"}]})");
  apply_ollama_parameters(parameters, open);
  EXPECT_EQ(open.sampling.temperature, 0);
  EXPECT_EQ(open.sampling.top_k, 3);
  EXPECT_EQ(open.max_tokens, 2u);
  EXPECT_EQ(open.stop, std::vector<std::string>{"a"});
  GenerateCall set = parse_anthropic_message(
      R"({"model":"m","max_tokens":2,"messages":[{"role":"user","content":"a"}],
          "temperature":0.5,"top_k":9,"stop_sequences":["b"]})");
  apply_ollama_parameters(parameters, set);
  EXPECT_EQ(set.sampling.temperature, 0.5f);
  EXPECT_EQ(set.sampling.top_k, 9);
  EXPECT_EQ(set.stop, std::vector<std::string>{"b"});
}

}  // namespace
}  // namespace hearth
