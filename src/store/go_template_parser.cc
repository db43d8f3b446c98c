#include "store/go_template_parser.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <utility>

#include "format/printable.h"

namespace hearth::go {
namespace {

constexpr std::string_view kSpaces = " \t\r\n";
// Blocks in blocks and parentheses in parentheses; an else if counts, too. Of Jinja's limits, a
// range takes 2 of 64 blocks and a (not x) 3 of 96 levels of an expression.
constexpr int kDepthMax = 24;

struct Token {
  enum class Kind { kField, kVariable, kName, kText, kNumber, kSign };
  Kind kind = Kind::kSign;
  std::string text;  // a variable with its fields: "$.System"
};

// A stretch of text, or the tokens between {{ and }}.
struct Piece {
  std::size_t line = 1;
  bool is_action = false;
  std::string text;
  std::vector<Token> tokens;
};

bool is_space(char c) { return kSpaces.find(c) != std::string_view::npos; }

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(source) {}

  std::vector<Piece> read() {
    for (;;) {
      const std::size_t open = source_.find("{{", at_);
      std::string_view text = source_.substr(at_, std::min(open, source_.size()) - at_);
      if (trim_next_) text.remove_prefix(std::min(text.find_first_not_of(kSpaces), text.size()));
      if (open == std::string_view::npos) {
        add_text(text);
        return std::move(pieces_);
      }
      at_ = open + 2;
      if (has_left_trim()) {
        text = text.substr(0, text.find_last_not_of(kSpaces) + 1);
        at_ += 2;
      }
      add_text(text);
      read_action();
    }
  }

 private:
  std::size_t line() {
    line_ += static_cast<std::size_t>(
        std::count(source_.begin() + counted_to_, source_.begin() + at_, '\n'));
    counted_to_ = at_;
    return line_;
  }

  std::string_view rest() const { return source_.substr(at_); }

  // "- " behind {{; "-3" is a number.
  bool has_left_trim() const {
    return rest().size() >= 2 && rest()[0] == '-' && is_space(rest()[1]);
  }

  void add_text(std::string_view text) {
    if (!text.empty()) pieces_.push_back({line(), false, std::string(text), {}});
  }

  // Passes }} or " -}}", with whatever spaces are before, if it is what comes.
  bool read_end() {
    const std::size_t begin = at_;
    at_ = std::min(source_.find_first_not_of(kSpaces, at_), source_.size());
    trim_next_ = at_ > begin && rest().starts_with("-}}");
    if (!trim_next_ && !rest().starts_with("}}")) return false;
    at_ += trim_next_ ? 3 : 2;
    return true;
  }

  void read_action() {
    Piece piece{line(), true, {}, {}};
    if (rest().starts_with("/*")) {
      at_ = source_.find("*/", at_ + 2);
      if (at_ == std::string_view::npos) fail(piece.line, "a comment that does not end");
      at_ += 2;
      if (!read_end()) fail(piece.line, "a comment is alone between {{ and }}");
      return;
    }
    while (!read_end()) {
      if (at_ == source_.size()) fail(piece.line, "{{ without }}");
      piece.tokens.push_back(read_token());
    }
    if (piece.tokens.empty()) fail(piece.line, "{{ }} says nothing");
    pieces_.push_back(std::move(piece));
  }

  std::string take_while_name() {
    const std::size_t begin = at_;
    while (at_ < source_.size() && is_name_character(source_[at_])) ++at_;
    return std::string(source_.substr(begin, at_ - begin));
  }

  // ".A.B", which follows at once.
  std::string take_fields() {
    std::string fields;
    while (rest().starts_with('.')) {
      ++at_;
      fields += "." + take_while_name();
    }
    return fields;
  }

  Token read_token() {
    const char c = source_[at_];
    if (c == '.') return {Token::Kind::kField, take_fields()};
    if (c == '$') {
      ++at_;
      std::string name = "$" + take_while_name();
      return {Token::Kind::kVariable, name + take_fields()};
    }
    if (c == '"' || c == '`') return {Token::Kind::kText, take_text(c)};
    const bool has_sign = (c == '-' || c == '+') && rest().size() > 1;
    const char digit = has_sign ? rest()[1] : c;
    if (digit >= '0' && digit <= '9') {
      at_ += has_sign ? 1 : 0;
      std::string number = (c == '-' ? "-" : "") + take_while_name();
      return {Token::Kind::kNumber, number + take_fields()};
    }
    if (is_name_character(c)) return {Token::Kind::kName, take_while_name()};
    const std::size_t length = rest().starts_with(":=") ? 2 : 1;
    at_ += length;
    return {Token::Kind::kSign, std::string(source_.substr(at_ - length, length))};
  }

  std::string take_text(char quote) {
    const std::size_t begin = line();
    std::string text;
    for (++at_; at_ < source_.size(); ++at_) {
      const char c = source_[at_];
      if (c == quote) {
        ++at_;
        return text;
      }
      if (quote == '"' && c == '\n') break;
      text += quote == '"' && c == '\\' ? take_escape() : c;
    }
    fail(begin, "a text that does not end");
  }

  char take_escape() {
    const char c = ++at_ < source_.size() ? source_[at_] : ' ';
    switch (c) {
      case 'n': return '\n';
      case 't': return '\t';
      case 'r': return '\r';
      case '"':
      case '\\': return c;
      default: throw unsupported(line(), std::string("\\") + c);
    }
  }

  [[noreturn]] static void fail(std::size_t line, const std::string& message) {
    throw error_at(line, ErrorCode::kInvalidArgument, message);
  }

  std::string_view source_;
  std::size_t at_ = 0, counted_to_ = 0, line_ = 1;
  bool trim_next_ = false;  // the action before ended in -}}
  std::vector<Piece> pieces_;
};

// The tokens of one action, taken one by one.
class ActionParser {
 public:
  ActionParser(const Piece& piece, int& depth) : piece_(piece), depth_(depth) {}

  bool at_end() const { return at_ == piece_.tokens.size(); }

  bool take(Token::Kind kind, std::string_view text) {
    if (at_end() || peek().kind != kind || peek().text != text) return false;
    ++at_;
    return true;
  }
  bool take_name(std::string_view name) { return take(Token::Kind::kName, name); }
  bool take_sign(std::string_view sign) { return take(Token::Kind::kSign, sign); }

  // A variable in front of a sign, without fields.
  std::optional<std::string> take_variable_before(std::initializer_list<std::string_view> signs) {
    if (piece_.tokens.size() - at_ < 2 || peek().kind != Token::Kind::kVariable ||
        peek().text.find('.') != std::string::npos) {
      return {};
    }
    const Token& next = piece_.tokens[at_ + 1];
    if (next.kind != Token::Kind::kSign ||
        std::find(signs.begin(), signs.end(), next.text) == signs.end()) {
      return {};
    }
    return piece_.tokens[at_++].text;
  }

  // To the end of the action.
  Expression expression() {
    Expression parsed = command();
    if (!at_end()) refuse();
    return parsed;
  }

  void end() const {
    if (!at_end()) fail("nothing may follow in this action");
  }

  std::size_t line() const { return piece_.line; }

  // What stands here is none of what was wanted.
  [[noreturn]] void refuse() const {
    if (at_end()) fail("the action ends too soon");
    if (is_sign(")")) fail("a ) without its (");
    throw unsupported(line(), printable_quoted(peek().text) + " here");
  }

  [[noreturn]] void fail(const std::string& message) const {
    throw error_at(line(), ErrorCode::kInvalidArgument, message);
  }

 private:
  const Token& peek() const { return piece_.tokens[at_]; }
  bool is_sign(std::string_view sign) const {
    return !at_end() && peek().kind == Token::Kind::kSign && peek().text == sign;
  }

  static bool is_literal(const Token& token) {
    return token.kind != Token::Kind::kName || token.text == "true" || token.text == "false";
  }

  // A function and its arguments, or one operand.
  Expression command() {
    if (++depth_ > kDepthMax) throw unsupported(line(), "nesting this deep");
    Expression parsed;
    if (!at_end() && !is_literal(peek())) {
      parsed.kind = Expression::Kind::kCall;
      parsed.text = piece_.tokens[at_++].text;
      while (!at_end() && !is_sign(")")) parsed.arguments.push_back(operand());
    } else {
      parsed = operand();
    }
    --depth_;
    return parsed;
  }

  Expression operand() {
    if (take_sign("(")) {
      Expression inside = command();
      if (!take_sign(")")) refuse();
      return inside;
    }
    if (at_end() || peek().kind == Token::Kind::kSign) refuse();
    const Token& token = piece_.tokens[at_++];
    Expression parsed;
    parsed.text = token.text;
    switch (token.kind) {
      case Token::Kind::kText: parsed.kind = Expression::Kind::kText; break;
      case Token::Kind::kNumber: check_number(parsed); break;
      case Token::Kind::kName:
        if (!is_literal(token)) throw unsupported(line(), token.text);
        parsed.kind = Expression::Kind::kBool;
        break;
      default: split_value(parsed);
    }
    return parsed;
  }

  void check_number(Expression& parsed) const {
    parsed.kind = Expression::Kind::kNumber;
    std::int64_t number = 0;
    const char* end = parsed.text.data() + parsed.text.size();
    const auto read = std::from_chars(parsed.text.data(), end, number);
    if (read.ec != std::errc() || read.ptr != end) throw unsupported(line(), parsed.text);
    parsed.text = std::to_string(number);
  }

  // ".A" and "." have the base ".", "$x.A" has "$x".
  void split_value(Expression& parsed) const {
    const std::size_t dot = parsed.text.find('.');
    parsed.base = dot == 0 ? "." : parsed.text.substr(0, dot);
    if (dot == std::string::npos) return;
    parsed.field = parsed.text.substr(dot + 1);
    if (parsed.field.find('.') != std::string::npos) throw unsupported(line(), parsed.text);
    if (dot > 0 && parsed.field.empty()) fail("no field behind " + printable_quoted(parsed.text));
  }

  const Piece& piece_;
  int& depth_;
  std::size_t at_ = 0;
};

class Parser {
 public:
  explicit Parser(std::vector<Piece> pieces) : pieces_(std::move(pieces)) {}

  std::vector<Node> read() {
    std::vector<Node> nodes = block();
    if (at_ < pieces_.size()) {
      throw error_at(pieces_[at_].line, ErrorCode::kInvalidArgument,
                     "{{ " + pieces_[at_].tokens.front().text + " }} without its beginning");
    }
    return nodes;
  }

 private:
  // Up to an else or end, which it leaves, or to the end of all.
  std::vector<Node> block() {
    if (++depth_ > kDepthMax) throw unsupported(pieces_[at_ - 1].line, "nesting this deep");
    std::vector<Node> nodes;
    for (; at_ < pieces_.size(); ++at_) {
      const Piece& piece = pieces_[at_];
      if (!piece.is_action) {
        Node node;
        node.line = piece.line;
        node.text = piece.text;
        nodes.push_back(std::move(node));
        continue;
      }
      ActionParser action(piece, depth_);
      if (action.take_name("else") || action.take_name("end")) break;
      nodes.push_back(statement(action));
    }
    --depth_;
    return nodes;
  }

  // at_ is then at its last action.
  Node statement(ActionParser& action) {
    for (const std::string_view keyword :
         {"with", "define", "block", "template", "break", "continue"}) {
      if (action.take_name(keyword)) throw unsupported(action.line(), keyword);
    }
    Node node;
    node.line = action.line();
    if (action.take_name("if")) return conditional(action);
    if (action.take_name("range")) return loop(action);
    if (const auto variable = action.take_variable_before({":=", "="})) {
      node.kind = Node::Kind::kSet;
      node.variable = *variable;
      node.declares = action.take_sign(":=");
      if (!node.declares) action.take_sign("=");
    } else {
      node.kind = Node::Kind::kPrint;
    }
    node.expression = action.expression();
    return node;
  }

  Node conditional(ActionParser& action) {
    Node node;
    node.kind = Node::Kind::kIf;
    node.line = action.line();
    node.expression = action.expression();
    bodies(node);
    return node;
  }

  Node loop(ActionParser& action) {
    Node node;
    node.kind = Node::Kind::kRange;
    node.line = action.line();
    if (auto variable = action.take_variable_before({",", ":="})) {
      node.item_variable = std::move(*variable);
      if (action.take_sign(",")) {
        node.variable = std::exchange(node.item_variable, {});
        auto item = action.take_variable_before({":="});
        if (!item) action.refuse();
        node.item_variable = std::move(*item);
      }
      action.take_sign(":=");
    }
    node.expression = action.expression();
    bodies(node);
    return node;
  }

  // What follows the action of an if or a range, to its end.
  void bodies(Node& node) {
    ++at_;
    node.body = block();
    if (at_ == pieces_.size()) missing_end(node.line);
    ActionParser ending(pieces_[at_], depth_);
    if (ending.take_name("else")) {
      if (ending.take_name("if")) {
        if (++depth_ > kDepthMax) throw unsupported(node.line, "nesting this deep");
        node.otherwise.push_back(conditional(ending));  // its end is this one's, too
        --depth_;
        return;
      }
      ending.end();
      ++at_;
      node.otherwise = block();
      if (at_ == pieces_.size()) missing_end(node.line);
      ActionParser last(pieces_[at_], depth_);
      if (!last.take_name("end")) last.refuse();
      return last.end();
    }
    ending.take_name("end");
    ending.end();
  }

  [[noreturn]] static void missing_end(std::size_t line) {
    throw error_at(line, ErrorCode::kInvalidArgument, "what begins here has no {{ end }}");
  }

  std::vector<Piece> pieces_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace

Error error_at(std::size_t line, ErrorCode code, const std::string& message) {
  return {code, "Go template, line " + std::to_string(line) + ": " + message};
}

Error unsupported(std::size_t line, std::string_view what) {
  return error_at(line, ErrorCode::kUnsupported,
                  printable(what, 80) + " cannot be rewritten: give the template as Jinja");
}

std::vector<Node> parse(std::string_view source) { return Parser(Lexer(source).read()).read(); }

}  // namespace hearth::go
