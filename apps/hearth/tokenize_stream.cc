#include <charconv>
#include <istream>
#include <iterator>
#include <ostream>
#include <string>

#include "base/error.h"
#include "tokenize.h"

namespace hearth {
namespace {

void write_ids(const std::vector<TokenId>& ids, char separator, std::ostream& out) {
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (i > 0) out.put(separator);
    out << ids[i];
  }
}

// "[1, 2, 3]" or "1 2 3": whatever is between brackets, commas and white space is an id.
std::vector<TokenId> read_ids(const std::string& text) {
  constexpr const char* kSeparators = "[], \t\r\n";
  std::vector<TokenId> ids;
  for (std::size_t at = 0; (at = text.find_first_not_of(kSeparators, at)) != std::string::npos;) {
    const std::size_t end = std::min(text.find_first_of(kSeparators, at), text.size());
    TokenId id = 0;
    const auto [rest, error] = std::from_chars(text.data() + at, text.data() + end, id);
    if (error != std::errc() || rest != text.data() + end) {
      throw Error(ErrorCode::kInvalidArgument, "'" + text.substr(at, std::min<std::size_t>(end - at, 40)) +
                                                   "' is not a token id; wanted integers, as a JSON array "
                                                   "or with spaces between them");
    }
    ids.push_back(id);
    at = end;
  }
  return ids;
}

}  // namespace

void tokenize_stream(const Tokenizer& tokenizer, const TokenizeOptions& options, std::istream& in,
                     std::ostream& out) {
  if (options.lines && !options.decode) {
    for (std::string line; std::getline(in, line);) {
      out.put('[');
      write_ids(tokenizer.encode(line, options.encode), ',', out);
      out << "]\n";
    }
    return;
  }
  const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  if (options.decode) {
    const std::string bytes = tokenizer.decode(read_ids(text), options.encode.parse_special);
    out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    return;
  }
  out << (options.json ? "{\"token_ids\":[" : "");
  write_ids(tokenizer.encode(text, options.encode), options.json ? ',' : ' ', out);
  out << (options.json ? "]}\n" : "\n");
}

}  // namespace hearth
