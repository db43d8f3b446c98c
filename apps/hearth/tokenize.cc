// hearth tokenize MODEL: standard input to token ids, or with --decode the other way, byte for
// byte.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cstdio>
#include <iostream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "command.h"
#include "format/gguf.h"
#include "load.h"
#include "text/tokenizer.h"

namespace hearth {
namespace {

struct TokenizeFlags {
  std::string model;
  bool no_bos = false;
  bool no_special = false;
  bool decode = false;
  bool lines = false;
  bool json = false;
};

std::string joined(const std::vector<TokenId>& ids, char separator) {
  std::string text;
  for (const TokenId id : ids) {
    if (!text.empty()) text += separator;
    text += std::to_string(id);
  }
  return text;
}

// "[1, 2, 3]" or "1 2 3": what stands between brackets, commas and white space is an id.
std::vector<TokenId> read_ids(const std::string& text) {
  constexpr const char* kSeparators = "[], \t\r\n";
  std::vector<TokenId> ids;
  for (std::size_t at = 0; (at = text.find_first_not_of(kSeparators, at)) != std::string::npos;) {
    const std::size_t end = std::min(text.find_first_of(kSeparators, at), text.size());
    TokenId id = 0;
    const auto [rest, error] = std::from_chars(text.data() + at, text.data() + end, id);
    if (error != std::errc() || rest != text.data() + end) {
      throw Error(
          ErrorCode::kInvalidArgument,
          "'" + text.substr(at, std::min<std::size_t>(end - at, 40)) +
              "' is not a token id; wanted integers, as a JSON array or with spaces between");
    }
    ids.push_back(id);
    at = end;
  }
  return ids;
}

void write(const std::string& bytes) { std::fwrite(bytes.data(), 1, bytes.size(), stdout); }

void tokenize(const TokenizeFlags& flags) {
  const Gguf gguf = Gguf::open(resolve_model(flags.model).path);
  const std::shared_ptr<const Tokenizer> tokenizer = Tokenizer::load(gguf.metadata());
  const EncodeOptions options{.add_special = !flags.no_bos, .parse_special = !flags.no_special};

  std::ios::sync_with_stdio(false);
  if (flags.lines && !flags.decode) {
    for (std::string line; std::getline(std::cin, line);) {
      write("[" + joined(tokenizer->encode(line, options), ',') + "]\n");
    }
    return;
  }
  const std::string text{std::istreambuf_iterator<char>(std::cin), {}};
  if (flags.decode) {
    write(tokenizer->decode(read_ids(text), options.parse_special));
  } else if (flags.json) {
    write("{\"token_ids\":[" + joined(tokenizer->encode(text, options), ',') + "]}\n");
  } else {
    write(joined(tokenizer->encode(text, options), ' ') + "\n");
  }
}

}  // namespace

void add_tokenize(CLI::App& app) {
  auto flags = std::make_shared<TokenizeFlags>();
  CLI::App* command = app.add_subcommand("tokenize", "Turn standard input into token ids, or back");
  command
      ->add_option("MODEL", flags->model,
                   "A model of the library, a reference to pull, or a GGUF file")
      ->required()
      ->type_name("");
  command->add_flag("--no-bos", flags->no_bos, "Add no BOS or EOS token");
  command->add_flag(
      "--no-special", flags->no_special,
      "Take the texts of control tokens as plain text; with --decode, leave them out");
  command->add_flag("--decode", flags->decode, "Read token ids, write the bytes they stand for");
  command->add_flag("--lines", flags->lines,
                    "Each line of the input by itself: one array for each");
  command->add_flag("--json", flags->json, "Print one JSON object");
  command->callback([flags] { tokenize(*flags); });
}

}  // namespace hearth
