#include "cli/chat_input.h"

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

namespace hearth {
namespace {

constexpr std::string_view kQuotes = "\"\"\"";
constexpr std::string_view kBlanks = " \t\r";

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

// "/name rest" into both; a line without a slash is all rest.
std::pair<std::string_view, std::string_view> split_command(std::string_view line) {
  if (!line.starts_with('/')) return {{}, line};
  line.remove_prefix(1);
  const std::size_t end = std::min(line.find_first_of(kBlanks), line.size());
  return {line.substr(0, end), trimmed(line.substr(end))};
}

// Levenshtein's distance, one row at a time.
std::size_t edits_between(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

}  // namespace

ChatInput ChatInputParser::take() {
  in_block_ = false;
  return {std::exchange(command_, {}), std::exchange(text_, {})};
}

void ChatInputParser::abandon() { take(); }

std::optional<ChatInput> ChatInputParser::push(std::string_view line) {
  std::string_view rest = line;
  if (in_block_) {
    text_ += '\n';
  } else {
    const auto [command, argument] = split_command(line);
    if (line.starts_with('/') && command.empty()) return ChatInput{"help", ""};
    command_ = command;
    rest = trimmed(argument);
    if (rest.empty() && command.empty()) return std::nullopt;
    in_block_ = rest.starts_with(kQuotes);
    // What is not in a block is a message as it was typed, leading blanks included.
    if (!in_block_) {
      text_ = command.empty() ? line : rest;
      return take();
    }
    rest.remove_prefix(kQuotes.size());
  }
  const std::string_view body = rest.substr(0, rest.find_last_not_of(kBlanks) + 1);
  if (!body.ends_with(kQuotes)) {
    text_ += rest;
    return std::nullopt;
  }
  text_ += body.substr(0, body.size() - kQuotes.size());
  // The newlines beside the quotes are layout.
  if (text_.starts_with('\n')) text_.erase(0, 1);
  if (text_.ends_with('\n')) text_.pop_back();
  if (text_.empty() && command_.empty()) {
    abandon();
    return std::nullopt;
  }
  return take();
}

std::string_view nearest_word(std::string_view word, std::span<const std::string_view> words) {
  std::string_view best;
  std::size_t fewest = word.size() / 2 + 1;
  for (const std::string_view candidate : words) {
    const std::size_t edits =
        candidate.starts_with(word) && !word.empty() ? 0 : edits_between(word, candidate);
    if (edits < fewest) {
      fewest = edits;
      best = candidate;
    }
  }
  return best;
}

}  // namespace hearth
