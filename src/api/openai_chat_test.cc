#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "api/boundary_table.h"
#include "api/error.h"
#include "api/ollama.h"
#include "api/openai.h"

namespace hearth {
namespace {

using nlohmann::json;

// `fields` beside a model and a message.
std::string body_with(const std::string& fields) {
  return R"({"model":"m","messages":[{"role":"user","content":"hi"}])" +
         (fields.empty() ? "" : "," + fields) + "}";
}

GenerateCall parse(const std::string& fields) { return parse_openai_chat(body_with(fields)); }

std::string refusal(const std::string& body) {
  try {
    parse_openai_chat(body);
    return "";
  } catch (const FieldError& error) {
    return error.field() + "|" + error.message();
  }
}

const Conversation& conversation(const GenerateCall& call) {
  return std::get<Conversation>(call.prompts.at(0));
}

TEST(OpenAiChat, AnAbsentFieldIsAsOpenAiHasIt) {
  const GenerateCall call = parse("");
  EXPECT_EQ(call.model, "m");
  ASSERT_EQ(call.prompts.size(), 1U);
  EXPECT_EQ(conversation(call).messages.at(0).role, "user");
  EXPECT_EQ(conversation(call).messages.at(0).content, "hi");
  EXPECT_EQ(call.sampling.temperature, 1.0f);
  EXPECT_EQ(call.sampling.top_p, 1.0f);
  EXPECT_EQ(call.sampling.top_k, 0);
  EXPECT_EQ(call.sampling.min_p, 0.0f);
  EXPECT_EQ(call.sampling.repeat_penalty, 1.0f);
  EXPECT_FALSE(call.seed_given);
  EXPECT_EQ(call.max_tokens, std::nullopt);
  EXPECT_EQ(call.top_logprobs, std::nullopt);
  EXPECT_EQ(call.n, 1U);
  EXPECT_FALSE(call.stream || call.include_usage || call.ignore_eos || call.echo);
  EXPECT_EQ(call.overflow, Overflow::kError);
}

TEST(OpenAiChat, ReadsEveryField) {
  const GenerateCall call = parse(
      R"("temperature":0.5,"top_p":0.25,"n":3,"stop":["a","b"],"seed":-2,"presence_penalty":-1,)"
      R"("frequency_penalty":2,"logit_bias":{"5":-100,"70000":1.5},"stream":true,)"
      R"("stream_options":{"include_usage":true},"user":"u","top_k":-1,"min_p":0.125,)"
      R"("repeat_penalty":1.5,"repetition_penalty":1.5,"ignore_eos":true,"overflow":"shift",)"
      R"("max_completion_tokens":7,"logprobs":true,"top_logprobs":20)");
  EXPECT_EQ(call.sampling.temperature, 0.5f);
  EXPECT_EQ(call.sampling.top_p, 0.25f);
  EXPECT_EQ(call.n, 3U);
  EXPECT_EQ(call.stop, (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(call.seed_given);
  EXPECT_EQ(call.sampling.seed, std::uint64_t{0} - 2);
  EXPECT_EQ(call.sampling.presence_penalty, -1.0f);
  EXPECT_EQ(call.sampling.frequency_penalty, 2.0f);
  using Bias = std::vector<std::pair<TokenId, float>>;
  EXPECT_EQ(call.sampling.logit_bias, (Bias{{5, -100.0f}, {70000, 1.5f}}));
  EXPECT_TRUE(call.stream && call.include_usage && call.ignore_eos);
  EXPECT_EQ(call.user, "u");
  EXPECT_EQ(call.sampling.top_k, -1);
  EXPECT_EQ(call.sampling.min_p, 0.125f);
  EXPECT_EQ(call.sampling.repeat_penalty, 1.5f);
  EXPECT_EQ(call.overflow, Overflow::kShift);
  EXPECT_EQ(call.max_tokens, 7U);
  EXPECT_EQ(call.top_logprobs, 20U);
}

TEST(OpenAiChat, NullIsAbsent) {
  const GenerateCall call =
      parse(R"("temperature":null,"n":null,"stop":null,"seed":null,"logit_bias":null,"tools":null,)"
            R"("audio":null,"stream_options":null,"max_tokens":null,"response_format":null)");
  EXPECT_EQ(call.sampling.temperature, 1.0f);
  EXPECT_EQ(call.n, 1U);
}

TEST(OpenAiChat, ReadsEveryRoleAndFormOfContent) {
  const GenerateCall call = parse_openai_chat(R"({"model":"m","messages":[
    {"role":"developer","content":"be brief"},
    {"role":"system","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},
    {"role":"user","content":"caf\u00e9","name":"Ann"},
    {"role":"assistant","content":null,"refusal":null,"annotations":[],"audio":null,
     "function_call":null,"reasoning_content":"hm",
     "tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}}]},
    {"role":"tool","tool_call_id":"c1","content":"7"},
    {"role":"assistant"}]})");
  const std::vector<Message>& messages = conversation(call).messages;
  ASSERT_EQ(messages.size(), 6U);
  EXPECT_EQ(messages[0].role, "system");
  EXPECT_EQ(messages[1].role, "system");
  ASSERT_EQ(messages[1].parts.size(), 2U);
  EXPECT_EQ(messages[1].parts[1].text, "b");
  EXPECT_EQ(messages[2].content, "café");
  EXPECT_EQ(messages[2].name, "Ann");
  EXPECT_EQ(messages[3].content, std::nullopt);
  EXPECT_EQ(messages[3].reasoning, "hm");
  ASSERT_EQ(messages[3].tool_calls.size(), 1U);
  EXPECT_EQ(messages[3].tool_calls[0].id, "c1");
  EXPECT_EQ(messages[3].tool_calls[0].name, "f");
  EXPECT_EQ(messages[3].tool_calls[0].arguments, R"({"x":1})");
  EXPECT_EQ(messages[4].role, "tool");
  EXPECT_EQ(messages[4].tool_call_id, "c1");
  EXPECT_EQ(messages[5].content, std::nullopt);
}

TEST(OpenAiChat, ReadsAStopAlone) {
  EXPECT_EQ(parse(R"("stop":"\n")").stop, std::vector<std::string>{"\n"});
  EXPECT_TRUE(parse(R"("stop":[])").stop.empty());
}

TEST(OpenAiChat, LetsPassWhatAsksForNothing) {
  for (const char* harmless :
       {R"("tools":[])", R"("response_format":{"type":"text"})", R"("tool_choice":"none")",
        R"("tool_choice":"auto")", R"("modalities":["text"])", R"("parallel_tool_calls":true)",
        R"("store":false)", R"("logprobs":false,"top_logprobs":0)", R"("functions":[])",
        R"("function_call":"auto")", R"("metadata":{"a":"b"})", R"("service_tier":"auto")",
        R"("reasoning_effort":"none")", R"("verbosity":"medium")", R"("prompt_cache_key":"k")",
        R"("stream":true,"stream_options":{"include_obfuscation":false})"}) {
    EXPECT_EQ(refusal(body_with(harmless)), "") << harmless;
  }
}

TEST(OpenAiChat, RefusesByNameWhatIsNotServed) {
  for (const char* asked :
       {R"("tools":[{"type":"function"}])", R"("response_format":{"type":"json_object"})",
        R"("tool_choice":"required")", R"("modalities":["text","audio"])", R"("store":true)",
        R"("functions":[{}])", R"("function_call":{"name":"f"})", R"("audio":{})",
        R"("prediction":{})", R"("reasoning_effort":"high")", R"("verbosity":"low")",
        R"("service_tier":"flex")", R"("moderation":{})", R"("web_search_options":{})"}) {
    const std::string name = std::string(asked).substr(1, std::string(asked).find('"', 1) - 1);
    const std::string message = refusal(body_with(asked));
    EXPECT_TRUE(message.starts_with(name + "|" + name)) << message;
    EXPECT_TRUE(message.ends_with("is not served yet: leave it out")) << message;
  }
}

TEST(OpenAiChat, SaysWhatIsWrong) {
  const std::pair<std::string, const char*> cases[] = {
      {body_with(R"("foo":1)"), "foo|unknown field 'foo': leave it out"},
      {R"({"model":"m"})", "messages|messages is missing, must be an array of 1 to 100000 members"},
      {R"({"messages":[{"role":"user"}]})",
       "model|model is missing, must be a string of 1 to 1024 bytes"},
      {body_with(R"("stop":"")"), "stop|stop must be a string of 1 to 1024 bytes"},
      {body_with(R"("stop":["a",""])"), "stop[1]|stop[1] must be a string of 1 to 1024 bytes"},
      {body_with(R"("stop":["a",7])"), "stop[1]|stop[1] must be a string of 1 to 1024 bytes"},
      {body_with(R"("stop":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17])"),
       "stop|stop must be at most 16 strings"},
      {body_with(R"("logit_bias":{"x":1})"),
       "logit_bias|logit_bias has the key 'x', must be token ids: integers from 0 to 2147483647"},
      {body_with(R"("logit_bias":{"2147483648":1})"),
       "logit_bias|logit_bias has the key '2147483648', must be token ids: integers from 0 to "
       "2147483647"},
      {body_with(R"("logit_bias":{"7":101})"),
       "logit_bias|logit_bias[7] must be a number from -100 to 100"},
      {body_with(R"("logit_bias":{"7":"x"})"),
       "logit_bias|logit_bias[7] must be a number from -100 to 100"},
      {body_with(R"("top_logprobs":1)"),
       "top_logprobs|top_logprobs is only for logprobs: set logprobs to true"},
      {body_with(R"("stream_options":{})"),
       "stream_options|stream_options is only for streams: set stream to true"},
      {body_with(R"("max_tokens":1,"max_completion_tokens":2)"),
       "max_completion_tokens|max_tokens and max_completion_tokens say different things: give "
       "one"},
      {body_with(R"("overflow":"wrap")"),
       "overflow|overflow is 'wrap', must be 'error', 'truncate' or 'shift'"},
      {R"({"model":"m","messages":[{"role":"user"},{"role":"robot"}]})",
       "messages[1].role|messages[1].role is 'robot', must be system, developer, user, assistant "
       "or tool"},
      {R"({"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"a"},)"
       R"({"type":"image_url","image_url":{"url":"x"}}]}]})",
       "messages[0].content[1].type|messages[0].content[1].type 'image_url' is not served yet: "
       "leave it out"},
      {R"({"model":"m","messages":[{"role":"assistant","tool_calls":[{"type":"custom"}]}]})",
       "messages[0].tool_calls[0].type|messages[0].tool_calls[0].type 'custom' is not served yet: "
       "leave it out"},
  };
  for (const auto& [body, message] : cases) EXPECT_EQ(refusal(body), message) << body;
}

TEST(OpenAiChat, TheSameTwiceIsNoContradiction) {
  EXPECT_EQ(parse(R"("max_tokens":5,"max_completion_tokens":5)").max_tokens, 5U);
}

TEST(OpenAiChat, HoldsEveryLimit) {
  EXPECT_GT(check_boundaries(openai_chat_fields(), R"({"model":"m",
    "stream_options":{"include_usage":true},
    "messages":[{"role":"user","content":[{"type":"text","text":"a"}],
      "tool_calls":[{"function":{"name":"f"}}]}]})"),
            400U);
}

TEST(OpenAiChat, AModelsParametersFillWhatTheRequestLeavesOpen) {
  const std::pair<std::string, std::string> parameters[] = {
      {"temperature", "0"}, {"num_predict", "7"}, {"top_k", "3"}, {"stop", "a"}, {"seed", "5"}};
  GenerateCall open =
      parse_openai_chat(R"({"model":"m","messages":[{"role":"user","content":"a"}]})");
  apply_ollama_parameters(parameters, open);
  EXPECT_EQ(open.sampling.temperature, 0);
  EXPECT_EQ(open.sampling.top_k, 3);
  EXPECT_EQ(open.max_tokens, 7u);
  EXPECT_EQ(open.stop, std::vector<std::string>{"a"});
  EXPECT_TRUE(open.seed_given);
  GenerateCall set = parse_openai_chat(
      R"({"model":"m","messages":[{"role":"user","content":"a"}],"temperature":0.5,"top_k":9,
          "max_completion_tokens":2,"stop":"b","seed":6})");
  apply_ollama_parameters(parameters, set);
  EXPECT_EQ(set.sampling.temperature, 0.5f);
  EXPECT_EQ(set.sampling.top_k, 9);
  EXPECT_EQ(set.max_tokens, 2u);
  EXPECT_EQ(set.stop, std::vector<std::string>{"b"});
  EXPECT_EQ(set.sampling.seed, 6u);
}

}  // namespace
}  // namespace hearth
