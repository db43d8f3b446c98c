#include "text/template/chat_template.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <time.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/error.h"

namespace hearth {
namespace {

using Json = nlohmann::ordered_json;

// 2026-07-31 14:05:09, a Friday: the clock of scripts/conformance_templates.py.
std::tm fixed_clock() {
  std::tm now{};
  now.tm_year = 126;
  now.tm_mon = 6;
  now.tm_mday = 31;
  now.tm_hour = 14;
  now.tm_min = 5;
  now.tm_sec = 9;
  now.tm_wday = 5;
  now.tm_yday = 211;
  return now;
}

TemplateOptions fixed_options() {
  TemplateOptions options;
  options.now = fixed_clock();
  return options;
}

std::filesystem::path data_folder() {
  return std::filesystem::path(HEARTH_SOURCE_DIR) / "tests/data/templates";
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string render(std::string_view source, const Json& context = Json::object()) {
  return ChatTemplate::compile(source).render(context, fixed_options()).text;
}

// The error that a template ends in; kInternal with "" if it ends in none.
Error refusal(std::string_view source, const Json& context = Json::object()) {
  try {
    render(source, context);
  } catch (const Error& error) {
    return error;
  }
  return Error(ErrorCode::kInternal, "");
}

void expect_case(std::string_view source, const Json& context, const Json& wanted) {
  try {
    const std::string text = render(source, context);
    ASSERT_TRUE(wanted.contains("text"))
        << "rendered " << text << "\nbut Jinja2 refuses: " << wanted["error"];
    EXPECT_EQ(text, wanted["text"].get<std::string>());
  } catch (const Error& error) {
    EXPECT_TRUE(wanted.contains("error")) << error.message() << "\nwanted " << wanted["text"];
  }
}

// The reference texts are Jinja2's, written by scripts/conformance_templates.py --write.
TEST(ChatTemplate, ExpressionsPrintAsInJinja2) {
  const Json data = Json::parse(read_file(data_folder() / "expressions.json"));
  ASSERT_GE(data["cases"].size(), 280u);
  for (const Json& wanted : data["cases"]) {
    SCOPED_TRACE(wanted["template"].get<std::string>());
    expect_case(wanted["template"].get<std::string>(), data["context"], wanted);
  }
}

TEST(ChatTemplate, ConversationsRenderAsInJinja2) {
  for (const char* name : {"chatml", "schema"}) {
    const std::string source = read_file(data_folder() / (std::string(name) + ".jinja"));
    const Json cases = Json::parse(read_file(data_folder() / (std::string(name) + ".json")));
    ASSERT_EQ(cases.size(), 14u);
    for (const Json& wanted : cases) {
      SCOPED_TRACE(name + std::string(" / ") + wanted["name"].get<std::string>());
      expect_case(source, wanted["context"], wanted);
    }
  }
}

TEST(ChatTemplate, ErrorsNameTheLine) {
  EXPECT_EQ(refusal("a\nb\n{{ x.y }}").message(), "chat template, line 3: 'x' is undefined");
  EXPECT_EQ(refusal("a\n{{ 1 +\n }}").code(), ErrorCode::kCorruptData);
  EXPECT_NE(refusal("a\n{% if %}").message().find("line 2"), std::string::npos);
  EXPECT_EQ(refusal("{{ raise_exception('no tools here') }}").message(),
            "chat template, line 1: the template refuses this conversation: no tools here");
  EXPECT_EQ(refusal("{% include 'x' %}").code(), ErrorCode::kUnsupported);
  EXPECT_EQ(refusal("{{ '%d' % 170141183460469231731687303715884105728 }}").code(),
            ErrorCode::kCorruptData);
}

TEST(ChatTemplate, JsonNumbersKeepTheirDigits) {
  const Json context = {
      {"x", Json::parse("[18446744073709551615, -9223372036854775808, 1.0, 1e300]")}};
  EXPECT_EQ(render("{{ x | tojson }}", context),
            "[18446744073709551615, -9223372036854775808, 1.0, 1e+300]");
  EXPECT_EQ(render("{{ x[0] + 1 }}", context), "18446744073709551616");
}

TEST(ChatTemplate, FromJsonReadsWhatTemplatesGiveIt) {
  EXPECT_EQ(render(R"({% set x = '{"a": [1, "b", null]}' | from_json %}{{ x.a[1] }}{{ x }})"),
            "b{'a': [1, 'b', None]}");
  EXPECT_EQ(refusal("{{ '{' | from_json }}").code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(refusal("{{ ('[' * 100000) | from_json }}").code(), ErrorCode::kResourceExhausted);
}

TEST(ChatTemplate, MalformedTextIsNeitherLostNorFatal) {
  const Json context = {{"x", "a\xff\xc3z"}};
  EXPECT_EQ(render("{{ x }}|{{ x | length }}|{{ x[1:3] }}|{{ x | upper | lower }}", context),
            "a\xff\xc3z|4|\xff\xc3|a\xff\xc3z");
}

// Hostile templates: server-side template injection and endless work (threats M9 and M10).

TEST(ChatTemplate, ReflectionFindsNothing) {
  for (const char* source : {
           "{{ ''.__class__.__mro__[1].__subclasses__() }}",
           "{{ ''['__class__']['__base__'] }}",
           "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
           "{{ self._TemplateReference__context.cycler.__init__.__globals__ }}",
           "{{ lipsum.__globals__['os'].popen('id').read() }}",
           "{{ namespace.__init__.__globals__['sys'] }}",
           "{{ (''|attr('__class__'))|attr('mro')() }}",
           "{{ request['application']['__globals__'] }}",
           "{{ config.items() }}",
           "{{ '{0.__class__.__init__.__globals__}'.format(range)['x'].y }}",
           "{{ [].__class__.__base__.__subclasses__()[104].load_module('os') }}",
           "{{ ()|attr('\\x5f\\x5fclass\\x5f\\x5f')|attr('x')() }}",
           "{% for c in [].__class__.__base__.__subclasses__() %}{{ c }}{% endfor %}",
           "{{ dict.__class__.mro() }}",
           "{{ range.__self__.open('/etc/passwd') }}",
           "{{ raise_exception.__globals__['__builtins__'].eval('1') }}",
           "{% set x = namespace(__class__=1) %}",
           "{{ open('/etc/passwd').read() }}",
           "{{ __import__('os').system('id') }}",
           "{% import 'os' as os %}{{ os.system('id') }}",
       }) {
    EXPECT_NE(refusal(source).message(), "") << source;
  }
}

std::string repeated(std::string_view text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

constexpr const char* kEndlessTemplates[] = {
    "{% for i in range(10**9) %}{% endfor %}",
    "{{ 'a' * 10**9 }}",
    "{{ 10**9 * 'a' }}",
    "{{ [1] * 10**9 }}",
    "{{ [[1] * 1000] * 100000 }}",
    "{{ 9 ** 9 ** 9 }}",
    "{{ 2 ** 100000000 }}",
    "{{ '%1000000000d' % 1 }}",
    "{{ '%.1000000000f' % 1 }}",
    "{{ '%*d' % (1000000000, 1) }}",
    "{{ '{:1000000000}'.format('a') }}",
    "{{ 'a'.center(1000000000) }}",
    "{{ 'a' | center(1000000000) }}",
    "{{ '5'.zfill(1000000000) }}",
    "{{ 'a\nb' | indent(1000000000) }}",
    "{{ [1, [2]] | tojson(indent=1000000000) }}",
    "{{ [1] | batch(1000000000, 0) | list | length }}",
    "{{ [1] | slice(1000000000) | list }}",
    "{{ 1 | round(1000000000) }}",
    "{{ strftime_now('%c' * 1000000) }}",
    "{{ strftime_now('%999999999d') }}",
    "{% macro m() %}{{ m() }}{{ m() }}{% endmacro %}{{ m() }}",
    "{% for a in [1] recursive %}{{ loop([1]) }}{% endfor %}",
    "{% set ns = namespace(s='ab') %}{% for i in range(99999) %}{% set ns.s = ns.s + ns.s %}{% "
    "endfor %}",
    "{% set ns = namespace(l=[1]) %}{% for i in range(99999) %}{% set ns.l = ns.l + ns.l %}{% "
    "endfor %}",
    "{% set ns = namespace(l=[]) %}{% for i in range(99999) %}{% set ns.l = [ns.l] %}{% endfor "
    "%}",
    "{% set ns = namespace(d={}) %}{% for i in range(99999) %}{% set ns.d = {'a': ns.d} %}{% "
    "endfor %}",
    "{% set ns = namespace(g=[1]) %}{% for i in range(9999) %}{% set ns.g = ns.g | map('string') "
    "%}{% endfor %}{{ ns.g | list }}",
    "{% set ns = namespace() %}{% set ns.x = ns %}{{ ns }}",
    "{% set ns = namespace() %}{% set ns.x = [ns] %}{{ ns == ns.x[0] }}{{ ns.x }}",
    "{% set ns = namespace(m=0) %}{% macro a() %}{% macro b() %}{% endmacro %}{% set ns.m = b "
    "%}{% endmacro %}{% for i in range(99999) %}{{ a() }}{% for j in range(99999) %}{{ ns.m() "
    "}}{% endfor %}{% endfor %}",
    "{% set s = 'ab' * 2000000 %}{% for i in range(99999) %}{{ s.count('a') }}{% endfor %}",
    "{% set s = 'a' * 4000000 %}{% set t = 'a' * 2000000 + 'b' %}{% for i in range(99999) %}{{ t "
    "in s "
    "}}{{ s.rfind('b' + t) }}{% endfor %}",
    "{% set s = 'a' * 4000000 %}{% for i in range(99999) %}{{ s == s }}{{ s < s }}{% endfor %}",
    "{% set s = 'é' * 2000000 %}{% for i in range(99999) %}{{ s[i] }}{{ s[::-1] | length }}{% "
    "endfor %}",
    "{% set s = 'a ' * 2000000 %}{% for i in range(99999) %}{{ s.split() | length }}{% endfor %}",
    "{% set s = ' ' * 4000000 %}{% for i in range(99999) %}{{ s.strip() }}{{ s | trim }}{% "
    "endfor %}",
    "{% set l = range(99999) | list %}{% for i in l %}{{ l | sort | length }}{% endfor %}",
    "{% set l = range(99999) | list %}{{ l | unique | list | length }}",
    "{% set l = range(99999) | list %}{% for i in l %}{{ -1 in l }}{{ l.count(1) }}{% endfor %}",
    "{% set s = 'x' * 4000000 %}{% for i in range(99999) %}{{ s | upper | length }}{{ s | tojson "
    "| length "
    "}}{{ s | e | length }}{{ [s] | string | length }}{% endfor %}",
    "{% set s = 'x' * 4000000 %}{% for i in range(99999) %}{{ {s: 1}[s] }}{{ s | replace('x', "
    "'yy') | "
    "length }}{% endfor %}",
    "{% set s = '{' * 8000000 %}{% for i in range(99999) %}{{ s.format() }}{% endfor %}",
    "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
    "{% for i in range(99999) %}{{ range(99999) | sum }}{% endfor %}",
    "{% for i in range(99999) %}{% set a, b, c, d = [1,2,3,4] %}{{ '%s' | format(a) }}{% endfor "
    "%}",
    "{% for i in range(99999) %}{{ "
    "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' "
    "* 1000 }}{% endfor %}",
    "{% set d = dict([('a', 1)]) %}{% set ns = namespace(d=d) %}{% for i in range(99999) %}{% "
    "set ns.d = "
    "dict(ns.d, **{i | string: i}) %}{% endfor %}",
    "{{ ('[' * 4000000) | from_json }}",
    "{{ ('[1,' * 2000000) | from_json }}",
    "{% for i in range(99999) %}{{ ('1,' * 100000) | from_json }}{% endfor %}",
};

// Texts of 8 MB, cheaply made.
constexpr const char* kBigTexts =
    "{% set k = 'x' * 1000 %}{% set big = k * 8000 %}{% set same = k * 8000 %}"
    "{% set zeros = ('0' * 1000) * 8000 %}{% set amps = ('&' * 1000) * 1500 %}"
    "{% set controls = ('\\x01' * 1000) * 1000 %}{% set flags = '{:' ~ ('+' * 1000) * 7000 ~ '}' %}"
    "{% set dashes = '%' ~ ('-' * 1000) * 7000 ~ 'd' %}{% set b = k * 600 %}"
    "{% set d = {b~1:1, b~2:1, b~3:1, b~4:1, b~5:1, b~6:1, b~7:1, b~8:1, b~9:1, b~10:1, b~11:1, "
    "b~12:1, b~13:1} %}{% set ns = namespace(t=(1, 1)) %}{% for i in range(36) %}"
    "{% set ns.t = (ns.t, ns.t) %}{% endfor %}{% set l = range(9999) | list %}";

// What an operation may cost with them.
constexpr const char* kDearOperations[] = {
    "{% if big.removeprefix(same) == 0 %}{% endif %}",
    "{% if big.removesuffix(same) == 0 %}{% endif %}",
    "{% if big is sameas same %}{% endif %}",
    "{% if [1] | tojson(separators=(big, big)) == 0 %}{% endif %}",
    "{% if [1] | tojson(indent=big) == 0 %}{% endif %}",
    "{% if ''.strip(big) %}{% endif %}",
    "{% if ''.rfind(big) == 0 %}{% endif %}",
    "{% if ''.rsplit(big) == 0 %}{% endif %}",
    "{% if k[:500].replace('', k[:15]) == 0 %}{% endif %}",
    "{% if {1: 2}.get(ns.t) %}{% endif %}",
    "{% if dict(d) == 0 %}{% endif %}",
    "{% if dict(**d) == 0 %}{% endif %}",
    "{% if zeros is upper %}{% endif %}",
    "{% if zeros | int == 1 %}{% endif %}",
    "{% if amps | e == 0 %}{% endif %}",
    "{% if [controls] | string == 0 %}{% endif %}",
    "{% if controls | tojson == 0 %}{% endif %}",
    "{% if flags.format(1) == 0 %}{% endif %}",
    "{% if dashes % 1 == 0 %}{% endif %}",
    "{% if strftime_now('%s' * 900) == 0 %}{% endif %}",
    "{% if [1] | map('default', *l) == 0 %}{% endif %}",
    "{% if loop.changed(*l) %}{% endif %}",
    "{% if '%.340g' % 1.5 == 0 %}{% endif %}",
};

std::string forever(const std::string& body) {
  return "{% for i in range(99999) %}" + body + "{% endfor %}" +
         "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}";
}

std::vector<std::string> endless_templates() {
  std::vector<std::string> sources(std::begin(kEndlessTemplates), std::end(kEndlessTemplates));
  for (const auto& [open, close] : std::vector<std::pair<std::string, std::string>>{{"(", ")"},
                                                                                    {"[", "]"},
                                                                                    {"{'a':", "}"},
                                                                                    {"-", ""},
                                                                                    {"not ", ""},
                                                                                    {"f(", ")"},
                                                                                    {"x[", "]"}}) {
    sources.push_back("{{ " + repeated(open, 20000) + "1" + repeated(close, 20000) + " }}");
  }
  sources.push_back(repeated("{% if 1 %}", 10000) + repeated("{% endif %}", 10000));
  sources.push_back(repeated("{% for i in x %}", 10000));
  sources.push_back("{% for " + repeated("(", 100000) + "a" + repeated(")", 100000) + " in x %}");
  sources.push_back("{{ x" + repeated(".a", 100000) + " }}");
  sources.push_back("{{ x" + repeated("|upper", 40000) + " }}");
  sources.push_back("{{ 1" + repeated(" if 1 else 1", 20000) + " }}");
  sources.push_back("{{ 1" + repeated("**1", 40000) + repeated("+1", 50000) + " }}" +
                    repeated("{", 9000));
  std::string names;
  for (int i = 0; i < 20000; ++i) names += (i == 0 ? "a" : ",a") + std::to_string(i);
  sources.push_back("{% macro m(" + names + ") %}{% endmacro %}" + forever("{{ m() }}"));
  sources.push_back("{% macro m(" + names.substr(0, 4800) + ") %}{% endmacro %}" +
                    forever("{{ m() }}"));
  for (std::size_t at = 0; (at = names.find(',', at)) != std::string::npos; at += 3) {
    names.insert(at, "=1");
  }
  sources.push_back("{{ dict(" + names + "=1) }}");
  // Names that differ only at their end.
  const std::string name(60000, 'n');
  sources.push_back("{% set " + name + "a, " + name + "b = 1, 2 %}" +
                    forever("{% if " + name + "b %}{% endif %}"));
  sources.push_back("{% macro " + name + "() %}{% endmacro %}{% set m = " + name + " %}" +
                    forever("{{ m() }}"));
  for (const char* body : kDearOperations) sources.push_back(kBigTexts + forever(body));
  return sources;
}

// This thread's own time: the machine may be busy with other tests.
double thread_ms() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) * 1e-6;
}

TEST(ChatTemplate, EndlessTemplatesEndSoon) {
  for (const std::string& source : endless_templates()) {
    const double start = thread_ms();
    const Error error = refusal(source);
    const double ms = thread_ms() - start;
    EXPECT_NE(error.message(), "") << source.substr(0, 100) << " renders";
#if defined(__OPTIMIZE__) && !defined(HEARTH_SANITIZE)
    // About 200 ms on the slowest machine seen; a template that evades its fuel takes minutes.
    EXPECT_LT(ms, 2000) << source.substr(0, 100) << ": " << error.message();
#else
    (void)ms;
#endif
  }
}

TEST(ChatTemplate, LimitsAreReportedAsSuch) {
  TemplateOptions options = fixed_options();
  options.operations_max = 100;
  const auto loop = ChatTemplate::compile("{% for i in range(1000) %}{{ i }}{% endfor %}");
  EXPECT_THROW(loop.render(Json::object(), options), Error);
  options = fixed_options();
  options.output_bytes_max = 100;
  const auto wide = ChatTemplate::compile("{% for i in range(101) %}x{% endfor %}");
  EXPECT_THROW(wide.render(Json::object(), options), Error);
  options.output_bytes_max = 101;
  EXPECT_EQ(wide.render(Json::object(), options).text.size(), 101u);
  EXPECT_EQ(refusal("{{ 'a' * 10**9 }}").code(), ErrorCode::kResourceExhausted);
}

std::vector<std::string> deep_templates() {
  const std::string arms = repeated("(1 if ", 30) + "f(n - 1)" + repeated(" else 0)", 30);
  std::string many_blocks =
      repeated("{% if 1 %}", 55) + "{{ f(n - 1) }}" + repeated("{% endif %}", 55);
  return {
      "{% macro f(n) %}{{ " + repeated("'a'|replace('a',", 90) + "f(n-1)" + repeated(")", 90) +
          " }}{% endmacro %}{{ f(1000) }}",
      "{% macro f(n) %}{{ " + repeated("x(y=", 40) + "f(n-1)" + repeated(")", 40) +
          " }}{% endmacro %}{% set x=f %}{{ f(1000) }}",
      "{% macro f(n) %}{% filter replace('a', f(n - 1))" + repeated("|upper", 88) +
          " %}x{% endfilter %}{% endmacro %}{{ f(1000) }}",
      "{% set ns = namespace(g=[1]) %}{% for i in range(9999) %}{% set ns.g = [1] | select('in', "
      "ns.g) %}{% endfor %}{{ ns.g | list }}",
      "{% macro f(n) %}{% for x in [1, 2] if f(n - 1) %}{% endfor %}{% endmacro %}{{ f(1000) }}",
      "{% macro f(n) %}" + repeated("{% set x %}", 55) + "{{ f(n - 1) }}" +
          repeated("{% endset %}", 55) + "{% endmacro %}{{ f(1000) }}",
      "{% macro f(n) %}{{ " + arms + " }}{% endmacro %}{{ f(1000) }}",
      "{% macro f(n) %}" + many_blocks + "{% endmacro %}{{ f(1000) }}",
      "{% macro f(n) %}{{ [{'a': [f(n - 1)|upper|trim]}]|map('string')|list|join }}{% endmacro "
      "%}{{ f(1000) }}",
      "{% for x in [1] recursive %}{% for y in [1] if loop is not defined %}{{ loop([1]) }}{% "
      "endfor %}{{ "
      "loop([1]) }}{% endfor %}",
      "{% macro f(n) %}{% call f(n - 1) %}{{ caller() }}{% endcall %}{% endmacro %}{{ f(1000) }}",
      "{{ " + repeated("[", 90) + repeated("]", 90) + " | string }}",
      "{% set ns = namespace(l=[]) %}{% for i in range(60) %}{% set ns.l = [ns.l] %}{% endfor %}{{ "
      "ns.l | "
      "tojson }}{{ ns.l == [ns.l] }}{{ [ns.l] | sort }}{{ ns.l | string }}" +
          repeated("{% if 1 %}", 80),
      "{% set ns = namespace(g=[1]) %}{% for i in range(60) %}{% set ns.g = ns.g | map('string') | "
      "select('string') | unique %}{% endfor %}{{ ns.g | list }}",
  };
}

void* render_deep_templates(void*) {
  for (const std::string& source : deep_templates()) refusal(source);
  return nullptr;
}

TEST(ChatTemplate, WhatIsBeingReadIsNotReadAgain) {
  const char* const kLoop =
      "{% set ns = namespace(once=0) %}{% macro m() %}{% if ns.l is defined and ns.once == 0 %}"
      "{% set ns.once = 1 %}{% set ns.n = ns.l.ATTRIBUTE %}{% endif %}{% endmacro %}"
      "{% for x in [1, 2, 3, 4] if (ns.l is not defined) or m() %}{% set ns.l = loop %}{{ x }}"
      "{% endfor %}";
  for (const char* attribute : {"length", "nextitem", "last", "revindex"}) {
    std::string source = kLoop;
    source.replace(source.find("ATTRIBUTE"), 9, attribute);
    EXPECT_EQ(refusal(source).message(),
              "chat template, line 1: a generator or loop is read by what it reads from")
        << attribute;
  }
  EXPECT_NE(refusal("{% set ns = namespace() %}{% set ns.g = [ns] | map(attribute='g') | "
                    "map('list') %}{{ ns.g | list }}")
                .message(),
            "");
  EXPECT_EQ(render("{% for x in [1, 2, 3] if x > 1 %}{{ loop.length }}{{ loop.nextitem }},"
                   "{% endfor %}"),
            "23,2,");
}

TEST(ChatTemplate, IntegersStayWithin127Bits) {
  const std::string largest = "170141183460469231731687303715884105727";
  EXPECT_EQ(render("{{ -" + largest + " }}{{ '%x' % -" + largest + " }}"),
            "-" + largest + "-7fffffffffffffffffffffffffffffff");
  for (const std::string& source :
       {"{{ -" + largest + " - 1 }}", std::string("{{ (-2) ** 127 }}"),
        "{{ '%x' % (-" + largest + " - 1) }}", "{{ 'a'.zfill(-" + largest + ") }}",
        "{{ 'abc' | truncate(" + largest + ", true, '', " + largest + ") }}",
        "{{ '%*d' % (-" + largest + ", 1) }}", "{{ range(-" + largest + ", " + largest + ") }}"}) {
    EXPECT_EQ(refusal(source).code(), ErrorCode::kResourceExhausted) << source;
  }
  EXPECT_EQ(render("{{ (2**126 + (2**126 - 1)) % -(2**126) }}"), "-1");
  EXPECT_EQ(render("{{ (-7) % 3 }}{{ 7 % -3 }}{{ -7 // 2 }}{{ -6 // 2 }}"), "2-2-4-3");
}

TEST(ChatTemplate, JsonBoundsCountWhatIsOpen) {
  const std::string trick =
      "('[\"' ~ ']' * 100000 ~ '\",' ~ '[' * 100000 ~ ']' * 100000 ~ ']') | from_json";
  EXPECT_EQ(refusal("{{ " + trick + " }}").code(), ErrorCode::kResourceExhausted);
  EXPECT_EQ(render("{{ ('[\"' ~ '[' * 100 ~ '\"]') | from_json | first | length }}"), "100");
  EXPECT_EQ(render("{{ ('[' * 63 ~ ']' * 63) | from_json | length }}"), "1");
  EXPECT_EQ(refusal("{{ ('{\"' ~ range(1001) | join('\":1,\"') ~ '\":1}') | from_json }}").code(),
            ErrorCode::kResourceExhausted);
  EXPECT_EQ(render("{{ ('{\"' ~ range(1000) | join('\":1,\"') ~ '\":1}') | from_json | length }}"),
            "1000");
}

// Keys of an indexed dict, found and not found.
TEST(ChatTemplate, LargeDictsFindTheirKeys) {
  const std::string dict =
      "{% set d = dict(b=1, a=2, c=3, e=4, d=5, f=6, g=7, i=8, h=9, "
      "k=10, j=11, l=12, m=13, n=14) %}";
  EXPECT_EQ(render(dict + "{{ d.a }},{{ d['n'] }},{{ d.b }},{{ d.get('o') }},{{ d.get('A') }},"
                          "{{ 'm' in d }},{{ d == dict(d) }},{{ d.get(1) }}"),
            "2,14,1,None,None,True,True,None");
}

TEST(ChatTemplate, ErrorsAreShort) {
  const std::string message = refusal("{{ raise_exception('€' * 100000) }}").message();
  EXPECT_GT(message.size(), 450u);
  EXPECT_LT(message.size(), 600u);
  EXPECT_EQ(message.substr(message.size() - 3), "€");
  EXPECT_EQ(refusal(std::string((256u << 10) + 1, 'x')).code(), ErrorCode::kResourceExhausted);
}

// The deepest nesting that the limits allow fits a small thread's stack; beyond it, this test
// crashes.
TEST(ChatTemplate, DepthLimitsFitASmallStack) {
  pthread_attr_t attributes;
  ASSERT_EQ(pthread_attr_init(&attributes), 0);
#if defined(__OPTIMIZE__) && !defined(HEARTH_SANITIZE)
  ASSERT_EQ(pthread_attr_setstacksize(&attributes, 512 * 1024), 0);
#endif
  pthread_t thread;
  ASSERT_EQ(pthread_create(&thread, &attributes, render_deep_templates, nullptr), 0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
}

TEST(ChatTemplate, LegitimateRecursionFits) {
  EXPECT_EQ(render("{% macro f(n) %}{% if n > 0 %}{{ n }},{{ f(n - 1) }}{% endif %}{% endmacro %}"
                   "{{ f(40) | length }}"),
            "111");
}

// Who wrote what.

std::string user_bytes(const RenderedText& rendered) {
  std::string bytes;
  for (const TextRange& range : rendered.user_ranges) {
    bytes += rendered.text.substr(range.begin, range.end - range.begin) + "|";
  }
  return bytes;
}

std::string user_part(std::string_view source, const Json& context) {
  TemplateOptions options = fixed_options();
  options.trusted = {"bos_token"};
  return user_bytes(ChatTemplate::compile(source).render(context, options));
}

TEST(ChatTemplate, UserTextIsTracedThroughOperations) {
  const Json x = {{"x", "  Ab,cd  "}, {"bos_token", "<s>"}, {"d", {{"k", "v"}}}};
  EXPECT_EQ(user_part("{{ bos_token }}<|im_start|>{{ x }}<|im_end|>", x), "  Ab,cd  |");
  EXPECT_EQ(user_part("{{ '<' + x | trim + '>' }}", x), "Ab,cd|");
  EXPECT_EQ(user_part("{{ x | upper }}-{{ x[2:4] }}-{{ x.split(',')[0].strip() ~ '!' }}", x),
            "  AB,CD  |Ab|Ab|");
  EXPECT_EQ(user_part("{{ x | replace('b', '<b>') }}", x), "  A|,cd  |");
  EXPECT_EQ(user_part("{{ 'a-b' | replace('-', x | trim) }}", x), "Ab,cd|");
  EXPECT_EQ(user_part("{{ d | tojson }}{{ d }}{{ d | dictsort }}", x), "k|v|k|v|k|v|");
  EXPECT_EQ(user_part("{% macro m(a) %}<{{ a }}>{% endmacro %}{{ m(d.k) * 2 }}", x), "v|v|");
  EXPECT_EQ(user_part("{% set y %}<{{ d.k }}{% endset %}{{ ('<' ~ y)[1:] | title }}", x), "V|");
  EXPECT_EQ(
      user_part("{{ '%s:%s' % (d.k, 1) }} {{ '{}!'.format(d.k) }} {{ '-'.join([d.k, 'z']) }}", x),
      "v|v|v|");
  EXPECT_EQ(
      user_part("{{ x | trim | reverse }}{{ d.k | center(3) }}{{ d.k | indent(2, true) }}", x),
      "dc,bA|v|v|");
  EXPECT_EQ(user_part("{{ ('<' + d.k) | e }} {{ x | trim | list | join('/') }}", x),
            "v|A|b|,|c|d|");
  EXPECT_EQ(user_part("{{ dict(**d) }}{{ namespace(**d) }}{{ d | string | tojson }}", x),
            "k|v|k|v|k|v|");
  EXPECT_EQ(user_part("{{ ('[\"' ~ d.k ~ '\"]') | from_json | first }}", x), "v|");
}

// Every text that a conversation contributes, in every place of our templates, is marked: each
// letter of these conversations is replaced by one that no template contains, and must lie in a
// user range wherever it shows.
void disguise(Json& json) {
  if (json.is_string()) {
    std::string text = json.get<std::string>();
    for (char& c : text) {
      if (std::islower(static_cast<unsigned char>(c)) != 0) c = '\x01';
    }
    json = text;
  } else if (json.is_structured()) {
    for (auto& [key, item] : json.items()) {
      if (key != "role" && key != "type") disguise(item);
    }
  }
}

TEST(ChatTemplate, NoUserTextEscapesTheMarks) {
  std::size_t checked = 0;
  for (const char* name : {"chatml", "schema"}) {
    const auto compiled =
        ChatTemplate::compile(read_file(data_folder() / (std::string(name) + ".jinja")));
    const Json cases = Json::parse(read_file(data_folder() / (std::string(name) + ".json")));
    for (const Json& wanted : cases) {
      Json context = wanted["context"];
      for (const char* key : {"messages", "tools"}) disguise(context[key]);
      RenderedText rendered;
      try {
        rendered = compiled.render(context, fixed_options());
      } catch (const Error&) {
        continue;
      }
      std::size_t next = 0;
      for (std::size_t i = 0; i < rendered.text.size(); ++i) {
        while (next < rendered.user_ranges.size() && rendered.user_ranges[next].end <= i) ++next;
        const bool marked =
            next < rendered.user_ranges.size() && rendered.user_ranges[next].begin <= i;
        if (rendered.text[i] != '\x01') continue;
        ++checked;
        ASSERT_TRUE(marked) << name << " / " << wanted["name"] << " at byte " << i;
      }
    }
  }
  EXPECT_GT(checked, 1000u);
}

}  // namespace
}  // namespace hearth
