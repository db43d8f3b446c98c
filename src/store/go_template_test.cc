#include "store/go_template.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/error.h"

namespace hearth {
namespace {

Error refusal(const std::string& source) {
  try {
    go_template_to_jinja(source);
  } catch (const Error& error) {
    return error;
  }
  return {ErrorCode::kInternal, "not refused"};
}

struct Case {
  std::string source;
  std::string words;
};

TEST(GoTemplate, RefusesByNameWhatItCannotRewrite) {
  for (const auto& [source, words] : std::vector<Case>{
           {"a\n{{ .Tools }}", "line 2: .Tools cannot be rewritten: give the template as Jinja"},
           {"{{ range .Messages }}{{ .ToolCalls }}{{ end }}", ".ToolCalls of a message"},
           {"{{ range .Messages }}{{ .System }}{{ end }}", ".System of a message"},
           {"{{ range .Tools }}{{ end }}", "a range over"},
           {"{{ range slice .Messages 1 }}{{ end }}", "a range over"},
           {"{{ range .Messages }}{{ range .Messages }}{{ end }}{{ end }}", "a range over"},
           {"{{ .Messages }}", "to print"},
           {"{{ range .Messages }}{{ . }}{{ end }}", "to print"},
           {"{{ range .Messages }}{{ $m := . }}{{ end }}", "a message in a variable"},
           {"{{ range .Messages }}{{ eq . .Role }}{{ end }}", "a whole message"},
           {"{{ . }}", ". cannot"},
           {"{{ $ }}", "$ cannot"},
           {"{{ .System.Text }}", ".System.Text"},
           {"{{ with .System }}{{ . }}{{ end }}", "with"},
           {"{{ define \"x\" }}{{ end }}", "define"},
           {"{{ block \"x\" . }}{{ end }}", "block"},
           {"{{ template \"x\" }}", "template"},
           {"{{ range .Messages }}{{ break }}{{ end }}", "break"},
           {"{{ json .System }}", "json"},
           {"{{ printf \"%s\" .System }}", "printf"},
           {"{{ .System | len }}", "'|'"},
           {"{{ len .System }}", "len of a text"},
           {"{{ slice .System 1 }}", "slice of"},
           {"{{ index .Messages 0 }}", "index"},
           {"{{ (index .Messages 0).Role }}", "'.Role'"},
           {"{{ eq .System 1 }}", "two kinds"},
           {"{{ eq .Messages .Messages }}", "two kinds"},
           {"{{ 1.5 }}", "1.5"},
           {"{{ 0x10 }}", "0x10"},
           {"{{ 99999999999999999999 }}", "99999999999999999999"},
           {"{{ 'a' }}", "'''"},
           {"{{ \"\\u0041\" }}", "\\u"},
           {"{{ nil }}", "nil"},
           {"{{ eq .System nil }}", "nil"},
           {"{{ if $x := .System }}{{ end }}", "':='"},
           {"{{ $x := 1 }}{{ $x = .System }}", "another kind"},
           {"{{ range $i, $_ := .Messages }}{{ $i = 1 }}{{ end }}", "another kind"},
           {"{{ .System .Prompt }}", "'.Prompt'"},
           {"{{ Ä }}", "\\xc3"},
       }) {
    const Error refused = refusal(source);
    EXPECT_EQ(refused.code(), ErrorCode::kUnsupported) << source << ": " << refused.message();
    EXPECT_NE(refused.message().find(words), std::string::npos) << source << refused.message();
    EXPECT_NE(refused.message().find("as Jinja"), std::string::npos) << refused.message();
  }
}

TEST(GoTemplate, RefusesWhatGoRefuses) {
  for (const auto& [source, words] : std::vector<Case>{
           {"a\n\n{{ .System", "line 3: {{ without }}"},
           {"{{ \"x }}", "a text that does not end"},
           {"{{ \"x\n\" }}", "a text that does not end"},
           {"{{/* x }}", "a comment that does not end"},
           {"{{/* x */ y }}", "a comment is alone"},
           {"{{ }}", "says nothing"},
           {"{{ if }}{{ end }}", "too soon"},
           {"{{ eq .System }}", "eq has 1 arguments"},
           {"{{ not }}", "not has 0 arguments"},
           {"{{ ne 1 2 3 }}", "ne has 3 arguments"},
           {"{{ ( .System }}", "too soon"},
           {"{{ .System ) }}", "a ) without its ("},
           {"{{ if .System }}x", "line 1: what begins here has no {{ end }}"},
           {"{{ if .System }}{{ else }}x", "no {{ end }}"},
           {"{{ if .System }}{{ else }}{{ else }}{{ end }}", "'else'"},
           {"x{{ end }}", "{{ end }} without its beginning"},
           {"{{ else }}", "{{ else }} without its beginning"},
           {"{{ $x }}", "nothing declares $x"},
           {"{{ $x = 1 }}", "nothing declares $x"},
           {"{{ if .System }}{{ $x := 1 }}{{ end }}{{ $x }}", "nothing declares $x"},
           {"{{ range $i, $m := .Messages }}{{ end }}{{ $i }}", "nothing declares $i"},
       }) {
    const Error refused = refusal(source);
    EXPECT_NE(refused.code(), ErrorCode::kInternal) << source;
    EXPECT_NE(refused.message().find(words), std::string::npos) << source << refused.message();
  }
}

TEST(GoTemplate, HostileSizesEnd) {
  std::string nested, deep = "{{ not ", chain = "{{ if .System }}";
  for (int i = 0; i < 1000; ++i) {
    nested += "{{ if .System }}";
    deep += "(not ";
    chain += "{{ else if .System }}";
  }
  EXPECT_EQ(refusal(nested).code(), ErrorCode::kUnsupported);
  EXPECT_EQ(refusal(deep + ".System }}").code(), ErrorCode::kUnsupported);
  EXPECT_EQ(refusal(chain + "{{ end }}").code(), ErrorCode::kUnsupported);
  EXPECT_EQ(refusal(std::string(kGoTemplateBytesMax + 1, 'x')).code(), ErrorCode::kInvalidArgument);
  EXPECT_GT(go_template_to_jinja(std::string(kGoTemplateBytesMax, 'x')).size(),
            kGoTemplateBytesMax);
}

TEST(GoTemplate, IsToldFromJinja) {
  for (const char* source :
       {"{{ .Prompt }}", "x {{- .System -}}", "{{$x := 1}}",
        "{{ if .Messages }}{{- range .Messages }}{{.Role}}{{ end }}{{ end }}"}) {
    EXPECT_TRUE(is_go_template(source)) << source;
  }
  for (const char* source : {"", "text", "{{ messages[0].content }}",
                             "{%- for m in messages %}{{- m.content }}{% endfor %}", "{{ '.x' }}",
                             "{{", "{{-", "{{ bos_token + ' $' }}"}) {
    EXPECT_FALSE(is_go_template(source)) << source;
  }
}

}  // namespace
}  // namespace hearth
