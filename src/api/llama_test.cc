#include "api/llama.h"

#include <gtest/gtest.h>

#include "api/boundary_table.h"
#include "api/error.h"

namespace hearth {
namespace {

TEST(Llama, EveryFieldHasItsBounds) {
  EXPECT_GT(check_boundaries(llama_tokenize_fields(), R"({"content":"a"})"), 30u);
  EXPECT_GT(check_boundaries(llama_detokenize_fields(), R"({"tokens":[1]})"), 10u);
  EXPECT_GT(check_boundaries(llama_template_fields(),
                             R"({"messages":[{"role":"user","content":[{"type":"text","text":"a"}],
                                 "tool_calls":[{"id":"a","type":"function","function":{"name":"f",
                                 "arguments":"{}"}}]}]})"),
            50u);
  EXPECT_THROW(parse_llama_tokenize(R"({"content":"a","colour":1})"), FieldError);
  EXPECT_THROW(parse_llama_detokenize(R"({"tokens":[],"colour":1})"), FieldError);
  EXPECT_THROW(parse_llama_template(R"({"messages":[{"role":"user"}],"colour":1})"), FieldError);
}

TEST(Llama, Tokenize) {
  const LlamaTokenizeCall plain = parse_llama_tokenize(R"({"content":"a"})");
  EXPECT_EQ(plain.text.text, "a");
  EXPECT_FALSE(plain.text.add_special);
  EXPECT_TRUE(plain.text.parse_special);
  EXPECT_FALSE(plain.with_pieces);
  EXPECT_EQ(plain.model, "");
  const LlamaTokenizeCall all = parse_llama_tokenize(
      R"({"model":"m","content":"","add_special":true,"parse_special":false,"with_pieces":true})");
  EXPECT_TRUE(all.text.add_special && !all.text.parse_special && all.with_pieces);
  EXPECT_EQ(all.model, "m");
  const TokenId tokens[] = {198, 164, 7};
  EXPECT_EQ(llama_tokenize_reply(tokens, {}), R"({"tokens":[198,164,7]})");
  const std::string pieces[] = {"\xC3", "\xA1", " b"};
  EXPECT_EQ(
      llama_tokenize_reply(tokens, pieces),
      R"({"tokens":[{"id":198,"piece":[195]},{"id":164,"piece":[161]},{"id":7,"piece":" b"}]})");
  EXPECT_EQ(llama_tokenize_reply({}, {}), R"({"tokens":[]})");
}

TEST(Llama, Detokenize) {
  EXPECT_EQ(parse_llama_detokenize(R"({"tokens":[1,2]})").tokens, (std::vector<TokenId>{1, 2}));
  EXPECT_TRUE(parse_llama_detokenize(R"({"tokens":[]})").tokens.empty());
  EXPECT_THROW(parse_llama_detokenize(R"({"tokens":[-1]})"), FieldError);
  EXPECT_THROW(parse_llama_detokenize(R"({"tokens":["a"]})"), FieldError);
  EXPECT_EQ(llama_detokenize_reply("a\"\xFF"), R"({"content":"a\"�"})");
}

TEST(Llama, ApplyTemplateReadsOpenAisMessages) {
  const LlamaTemplateCall call = parse_llama_template(
      R"({"model":"m","messages":[{"role":"developer","content":"s"},
          {"role":"user","content":[{"type":"text","text":"a"}]}]})");
  EXPECT_EQ(call.model, "m");
  ASSERT_EQ(call.conversation.messages.size(), 2u);
  EXPECT_EQ(call.conversation.messages[0].role, "system");
  EXPECT_EQ(call.conversation.messages[1].parts.at(0).text, "a");
  EXPECT_EQ(parse_llama_template(R"({"messages":[{"role":"user","content":"a"}]})").model, "");
  EXPECT_THROW(parse_llama_template(R"({"messages":[]})"), FieldError);
  EXPECT_THROW(parse_llama_template(R"({"messages":[{"role":"king"}]})"), FieldError);
  EXPECT_EQ(llama_template_reply("<|im_start|>"), R"({"prompt":"<|im_start|>"})");
}

TEST(Llama, Slots) {
  const LlamaSlot slots[] = {{0, "m", true, 4096}};
  EXPECT_EQ(llama_slots_reply(slots),
            R"([{"id":0,"model":"m","n_ctx":4096,"speculative":false,"is_processing":true,)"
            R"("next_token":[{"has_next_token":true}]}])");
  EXPECT_EQ(llama_slots_reply({}), "[]");
}

}  // namespace
}  // namespace hearth
