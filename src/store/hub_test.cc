#include "store/hub.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "store/content_range.h"

namespace hearth {
namespace {

HubRepository repository(std::initializer_list<const char*> names) {
  HubRepository result;
  for (const char* name : names) result.files.push_back({.name = name, .bytes = 1, .digest = {}});
  return result;
}

std::string chosen(const HubRepository& from, std::string_view quant) {
  std::string names;
  try {
    for (const HubFile& file : choose_hub_files(from, quant, "r")) names += file.name + " ";
  } catch (const Error& error) {
    return std::string(to_string(error.code()));
  }
  return names;
}

TEST(Hub, AQuantizationIsAWordOfTheName) {
  const auto from =
      repository({"README.md", "m-IQ4_NL.gguf", "m-Q4_K_S.gguf", "m.Q4_K_M.gguf", "m-q8_0.gguf",
                  "mmproj-m-F16.gguf", "F32/m-00002-of-00002.gguf", "F32/m-00001-of-00002.gguf"});
  EXPECT_EQ(chosen(from, ""), "m.Q4_K_M.gguf ");
  EXPECT_EQ(chosen(from, "Q8_0"), "m-q8_0.gguf ");
  EXPECT_EQ(chosen(from, "Q4_K_S"), "m-Q4_K_S.gguf ");
  EXPECT_EQ(chosen(from, "F32"), "F32/m-00001-of-00002.gguf F32/m-00002-of-00002.gguf ");
  EXPECT_EQ(chosen(from, "F32/m-00002-of-00002.gguf"),
            "F32/m-00001-of-00002.gguf F32/m-00002-of-00002.gguf ");
  EXPECT_EQ(chosen(from, "Q4_K"), "not found");
  EXPECT_EQ(chosen(from, "Q4_NL"), "not found");
  EXPECT_EQ(chosen(from, "F16"), "not found");  // the projector's
  EXPECT_EQ(chosen(from, "none.gguf"), "not found");
}

TEST(Hub, AmbiguousAndIncompleteSetsAreRefused) {
  EXPECT_EQ(chosen(repository({"a-Q4_0.gguf", "b-Q4_0.gguf"}), "Q4_0"), "invalid argument");
  EXPECT_EQ(chosen(repository({"a-Q4_0.gguf", "b-Q4_0.gguf"}), ""), "not found");
  EXPECT_EQ(chosen(repository({"one.gguf"}), ""), "one.gguf ");
  EXPECT_EQ(chosen(repository({"a.bin"}), ""), "not found");
  EXPECT_EQ(chosen(repository({"a-00001-of-00003.gguf", "a-00003-of-00003.gguf"}), ""),
            "corrupt data");
  EXPECT_EQ(chosen(repository({"a-00001-of-00000.gguf"}), ""), "corrupt data");
  EXPECT_EQ(chosen(repository({"a-00002-of-00002.gguf", "a-00003-of-00002.gguf"}), ""),
            "corrupt data");
}

TEST(Hub, AddressesAreEncoded) {
  EXPECT_EQ(hub_file_address("https://h", "o/r", "a/b", "x y/..%2f#?.gguf"),
            "https://h/o/r/resolve/a%2Fb/x%20y/..%252f%23%3F.gguf");
}

TEST(ContentRange, FormsAndContradictions) {
  EXPECT_EQ(parse_content_range("bytes 5-9/10")->first, 5u);
  EXPECT_EQ(parse_content_range("bytes */10")->total, 10u);
  EXPECT_FALSE(parse_content_range("bytes 5-9/*")->total);
  for (const char* text :
       {"", "bytes", "bytes 5-9", "bytes 9-5/10", "bytes 5-10/10", "bytes -5/10", "bytes 5-/10",
        "bytes x/y", "items 5-9/10",
        "bytes 18446744073709551616-18446744073709551617/18446744073709551618"}) {
    EXPECT_FALSE(parse_content_range(text)) << text;
  }
}

}  // namespace
}  // namespace hearth
