#include "api/fields.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "api/boundary_table.h"
#include "api/error.h"

namespace hearth {
namespace {

using nlohmann::json;

std::string refusal_of_body(std::string_view body) {
  try {
    return "parsed: " + parse_body(body).dump();
  } catch (const FieldError& error) {
    EXPECT_EQ(error.field(), "");
    return error.message();
  }
}

TEST(Fields, ABodyIsAnObjectOfJson) {
  EXPECT_EQ(refusal_of_body(R"({"a":1})"), R"(parsed: {"a":1})");
  EXPECT_EQ(refusal_of_body(""), "the body is empty: send a JSON object");
  EXPECT_EQ(refusal_of_body("[1,2]"), "the body is an array of 2 members, must be a JSON object");
  EXPECT_EQ(refusal_of_body("7"), "the body is 7, must be a JSON object");
  EXPECT_EQ(refusal_of_body("null"), "the body is null, must be a JSON object");
  EXPECT_EQ(refusal_of_body(R"({"a":1)"), "the body is not JSON: see byte 7");
  EXPECT_EQ(refusal_of_body(R"({"a":NaN})"), "the body is not JSON: see byte 6");
  EXPECT_EQ(refusal_of_body(R"({"a":1}x)"), "the body is not JSON: see byte 8");
  EXPECT_EQ(refusal_of_body(R"({"a":1e999})"), "the body has a number that is too large");
  EXPECT_EQ(refusal_of_body("{\"a\":\"\xC3\"}"), "the body is not UTF-8 at byte 6");
  EXPECT_EQ(refusal_of_body("{\"a\":\"\xED\xA0\x80\"}"), "the body is not UTF-8 at byte 6");
  EXPECT_EQ(refusal_of_body(R"({"a":"\ud800"})"), "the body is not JSON: see byte 13");
}

TEST(Fields, TheLastOfTwoMembersCounts) {
  EXPECT_EQ(refusal_of_body(R"({"a":1,"b":2,"a":{"c":3}})"), R"(parsed: {"a":{"c":3},"b":2})");
}

TEST(Fields, NestsSoDeepAndNoDeeper) {
  const auto nested = [](std::size_t levels) {
    return R"({"a":)" + std::string(levels - 1, '[') + std::string(levels - 1, ']') + "}";
  };
  EXPECT_TRUE(refusal_of_body(nested(kDepthMax)).starts_with("parsed"));
  EXPECT_EQ(refusal_of_body(nested(kDepthMax + 1)), "the body nests deeper than 64 levels");
  const std::string brackets(1000, '[');
  EXPECT_TRUE(refusal_of_body(R"({"a":"\")" + brackets + R"("})").starts_with("parsed"));
  EXPECT_EQ(refusal_of_body(std::string(1 << 20, '[')), "the body nests deeper than 64 levels");
}

TEST(Fields, HasSoManyValuesAndNoMore) {
  const auto values = [](std::size_t count) {  // the object, the array, its members
    std::string body = R"({"a":[1)";
    for (std::size_t i = 3; i < count; ++i) body += ",1";
    return body + "]}";
  };
  EXPECT_TRUE(refusal_of_body(values(kValuesMax)).starts_with("parsed"));
  EXPECT_EQ(refusal_of_body(values(kValuesMax + 1)), "the body has more than 1048576 values");
}

constexpr Field kInner[] = {
    {.name = "name", .types = kFieldString, .min = 1, .max = 3, .about = "A.", .required = true},
    {.name = "deep", .types = kFieldBoolean, .about = "B."},
};
constexpr Field kTable[] = {
    {.name = "temperature", .types = kFieldNumber, .max = 2, .about = "C."},
    {.name = "count", .types = kFieldInteger, .min = -3, .max = 7, .about = "D."},
    {.name = "seed", .types = kFieldInteger, .min = -0x1p63, .max = 0x1p63, .about = "E."},
    {.name = "both", .types = kFieldString | kFieldArray, .max = 4, .about = "F."},
    {.name = "object", .types = kFieldObject, .max = 2, .about = "G.", .members = kInner},
    {.name = "list", .types = kFieldArray, .min = 1, .max = 2, .about = "H.", .members = kInner},
    {.name = "user",
     .types = kFieldString,
     .max = 5,
     .about = "I.",
     .served = Field::Served::kNoEffect},
    {.name = "tools",
     .about = "J.",
     .served = Field::Served::kNotServed,
     .harmless = [](const json& value) { return value.empty(); }},
    {.name = "audio", .about = "K.", .served = Field::Served::kNotServed},
};
constexpr const char* kGood = R"({"object":{"name":"abc"},"list":[{"name":"a"}]})";

std::string refusal(const char* body) {
  try {
    check_fields(json::parse(body), kTable);
    return "";
  } catch (const FieldError& error) {
    return error.field() + "|" + error.message();
  }
}

TEST(Fields, SaysWhatAFieldIsAndMayBe) {
  EXPECT_EQ(refusal(R"({"temperature":3})"),
            "temperature|temperature is 3, must be a number from 0 to 2");
  EXPECT_EQ(refusal(R"({"temperature":-0.5})"),
            "temperature|temperature is -0.5, must be a number from 0 to 2");
  EXPECT_EQ(refusal(R"({"temperature":"hot"})"),
            "temperature|temperature is a string of 3 bytes, must be a number from 0 to 2");
  EXPECT_EQ(refusal(R"({"count":2.5})"), "count|count is 2.5, must be an integer from -3 to 7");
  EXPECT_EQ(refusal(R"({"count":1e17})"), "count|count is 1e+17, must be an integer from -3 to 7");
  EXPECT_EQ(refusal(R"({"both":"abcde"})"),
            "both|both is a string of 5 bytes, must be a string of at most 4 bytes or an array of "
            "at most 4 members");
  EXPECT_EQ(refusal(R"({"list":[]})"),
            "list|list is an array of 0 members, must be an array of 1 to 2 members");
  EXPECT_EQ(refusal(R"({"list":[{"name":"a"},7]})"), "list[1]|list[1] is 7, must be an object");
  EXPECT_EQ(refusal(R"({"list":[{"name":"a"},{"name":"abcd"}]})"),
            "list[1].name|list[1].name is a string of 4 bytes, must be a string of 1 to 3 bytes");
  EXPECT_EQ(refusal(R"({"object":{"deep":true}})"),
            "object.name|object.name is missing, must be a string of 1 to 3 bytes");
  EXPECT_EQ(refusal(R"({"object":{"name":"a","x\n":1}})"),
            "object.x\\n|unknown field 'x\\n' in object: leave it out");
  EXPECT_EQ(refusal(R"({"tools":["x"]})"), "tools|tools is not served yet: leave it out");
  EXPECT_EQ(refusal(R"({"audio":"loud"})"), "audio|audio 'loud' is not served yet: leave it out");
}

TEST(Fields, LetsPassWhatAsksForNothing) {
  EXPECT_EQ(refusal(R"({"tools":[],"audio":null,"user":"me","count":3.0,"temperature":2})"), "");
  EXPECT_EQ(refusal(R"({"seed":-9223372036854775808})"), "");
  EXPECT_EQ(refusal(R"({"seed":9223372036854775807})"), "");
}

TEST(Fields, IntegersAreExactToTheLast) {
  EXPECT_NE(refusal(R"({"seed":9223372036854775809})"), "");
  EXPECT_NE(refusal(R"({"seed":-9223372036854775809})"), "");
  EXPECT_NE(refusal(R"({"seed":9007199254740994.0})"), "");
  EXPECT_EQ(refusal(R"({"seed":9007199254740992.0})"), "");
}

TEST(Fields, HoldsEveryLimit) { EXPECT_GT(check_boundaries(kTable, kGood), 100U); }

TEST(Fields, TheSchemaSaysTheSame) {
  const json schema = schema_of(kTable);
  EXPECT_EQ(schema["additionalProperties"], false);
  const json& properties = schema["properties"];
  EXPECT_EQ(properties["temperature"].dump(),
            R"({"description":"C.","maximum":2,"minimum":0,"type":["number","null"]})");
  EXPECT_EQ(properties["both"].dump(), R"({"description":"F.","maxItems":4,"maxLength":4,)"
                                       R"("type":["string","array","null"]})");
  EXPECT_EQ(properties["list"]["items"].dump(),
            R"({"additionalProperties":false,"properties":{"deep":{"description":"B.",)"
            R"("type":["boolean","null"]},"name":{"description":"A.","maxLength":3,"minLength":1,)"
            R"("type":"string"}},"required":["name"],"type":"object"})");
  EXPECT_EQ(properties["object"]["properties"], properties["list"]["items"]["properties"]);
  EXPECT_EQ(properties["object"]["maxProperties"], 2);
  EXPECT_EQ(properties["audio"].dump(), R"({"description":"Not served yet: leave it out. K."})");
}

}  // namespace
}  // namespace hearth
