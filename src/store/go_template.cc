#include "store/go_template.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "store/go_template_parser.h"

namespace hearth {
namespace {

using go::Expression;
using go::Node;

// What an expression gives. A list of messages is known by its length alone, which is the number
// that its code computes; a message by its fields alone.
enum class Type { kText, kNumber, kBool, kMessages, kMessage, kMixed };

struct Value {
  std::string code;  // Jinja
  Type type = Type::kText;
};

struct Variable {
  std::string name;  // "$x"
  std::string code;
  Type type = Type::kText;
  bool is_loops = false;  // a range's own: not to be assigned
};

std::string literal(std::string_view text) {
  std::string quoted(1, '\'');
  for (const char c : text) {
    switch (c) {
      case '\'':
      case '\\': quoted += '\\', quoted += c; break;
      case '\n': quoted += "\\n"; break;
      case '\r': quoted += "\\r"; break;
      case '\t': quoted += "\\t"; break;
      default: quoted += c;
    }
  }
  return quoted + "'";
}

bool names(const Expression& expression, std::string_view field) {
  return expression.field == field ||
         std::any_of(expression.arguments.begin(), expression.arguments.end(),
                     [&](const Expression& argument) { return names(argument, field); });
}

bool names(const std::vector<Node>& nodes, std::string_view field) {
  return std::any_of(nodes.begin(), nodes.end(), [&](const Node& node) {
    return names(node.expression, field) || names(node.body, field) || names(node.otherwise, field);
  });
}

// Everything that a conversation's state needs lives in the namespace `ns`: Jinja's own variables
// end with the loop or the block that sets them.
class Writer {
 public:
  explicit Writer(std::vector<Node> nodes) : nodes_(std::move(nodes)) {
    by_messages_ = names(nodes_, "Messages");
    if (!by_messages_ && !names(nodes_, "Response")) {
      Node response;
      response.kind = Node::Kind::kPrint;
      response.expression.base = ".";
      response.expression.field = "Response";
      nodes_.push_back(std::move(response));
    }
  }

  std::string write() {
    by_messages_ ? write_by_messages() : write_by_turns();
    return std::move(out_);
  }

 private:
  void tag(const std::string& code) { out_ += "{%- " + code + " -%}\n"; }
  void print(const std::string& code) { out_ += "{{- " + code + " -}}\n"; }

  void write_by_messages() {
    tag("set ns = namespace(system='', role='', count=0, systems=0)");
    tag("for m in messages");
    tag("if m.role == 'system'");
    tag("set ns.system = (ns.system ~ '\\n\\n' if ns.systems else '') ~ (m.content or '')");
    tag("set ns.systems = 1");
    tag("endif");
    tag("if m.role == 'tool' or m.role != ns.role");
    tag("set ns.count = ns.count + 1");
    tag("endif");
    tag("set ns.role = m.role");
    tag("endfor");
    write_block(nodes_);
  }

  // The loop takes one step more than there are messages: the last turn is rendered as the others.
  void write_by_turns() {
    tag("set ns = namespace(system='', prompt='', response='', role='', text='', whole=true)");
    tag("for m in messages + [{'role': 'last'}]");
    tag("if m.role == 'last' or (m.role == 'user' and ns.response) or "
        "(m.role == 'system' and (ns.prompt or ns.response))");
    tag("set ns.whole = m.role != 'last' or (ns.response and not add_generation_prompt)");
    write_block(nodes_);
    for (const char* part : {"system", "prompt", "response"}) {
      tag(std::string("set ns.") + part + " = ''");
    }
    tag("endif");
    tag("set ns.text = (ns.text ~ '\\n\\n' if m.role == ns.role else '') ~ (m.content or '')");
    tag("set ns.role = m.role");
    constexpr std::array<std::array<const char*, 2>, 3> kParts{
        {{"system", "system"}, {"user", "prompt"}, {"assistant", "response"}}};
    for (const auto& [role, part] : kParts) {
      tag(std::string("if m.role == '") + role + "'");
      tag(std::string("set ns.") + part + " = ns.text");
      tag("endif");
    }
    tag("endfor");
  }

  // Variables end with their block. What stands behind the first .Response is for whole turns.
  void write_block(const std::vector<Node>& nodes) {
    const std::size_t variable_count = variables_.size();
    const bool was_guarded = guarded_;
    for (const Node& node : nodes) {
      if (past_response_ && !guarded_) {
        tag("if ns.whole");
        guarded_ = true;
      }
      write_node(node);
    }
    if (guarded_ && !was_guarded) tag("endif");
    guarded_ = was_guarded;
    variables_.resize(variable_count);
  }

  void write_node(const Node& node) {
    line_ = node.line;
    switch (node.kind) {
      case Node::Kind::kText: return print(literal(node.text));
      case Node::Kind::kPrint: return write_print(node);
      case Node::Kind::kSet: return write_set(node);
      case Node::Kind::kIf: return write_if(node);
      case Node::Kind::kRange: return write_range(node);
    }
  }

  void write_print(const Node& node) {
    const Value value = evaluate(node.expression);
    if (value.type == Type::kBool) {
      print("'true' if " + value.code + " else 'false'");
    } else if (value.type == Type::kText || value.type == Type::kNumber) {
      print(value.code);
    } else {
      throw go::unsupported(line_, "to print what is neither a text nor a number");
    }
    past_response_ = past_response_ || (!by_messages_ && names(node.expression, "Response"));
  }

  void write_set(const Node& node) {
    const Value value = evaluate(node.expression);
    if (value.type == Type::kMessage) throw go::unsupported(line_, "a message in a variable");
    if (node.declares) {
      variables_.push_back(
          {node.variable, "ns.v" + std::to_string(++declared_), value.type, false});
    }
    const Variable& variable = find_variable(node.variable);
    if (variable.is_loops || variable.type != value.type) {
      throw go::unsupported(line_, "to set " + node.variable + " to something of another kind");
    }
    tag("set " + variable.code + " = " + value.code);
  }

  void write_if(const Node& node) {
    tag("if " + evaluate(node.expression).code);
    write_block(node.body);
    if (!node.otherwise.empty()) {
      tag("else");
      write_block(node.otherwise);
    }
    tag("endif");
  }

  // Over the messages as they come: the body waits for the last of those that are joined.
  void write_range(const Node& node) {
    const Expression& over = node.expression;
    if (over.kind != Expression::Kind::kValue || over.field != "Messages" || !is_root(over.base)) {
      throw go::unsupported(line_, "a range over anything but .Messages");
    }
    const std::string number = std::to_string(++loops_);
    const std::string message = "m" + number, text = "ns.text" + number, index = "ns.i" + number;
    const std::string outer = std::exchange(loop_, number);
    const std::size_t variable_count = variables_.size();
    if (!node.variable.empty()) variables_.push_back({node.variable, index, Type::kNumber, true});
    if (!node.item_variable.empty()) {
      variables_.push_back({node.item_variable, number, Type::kMessage, true});
    }
    tag("set " + index + " = 0");
    tag("set " + text + " = ''");
    tag("for " + message + " in messages");
    tag("set " + text + " = " + text + " ~ (" + message + ".content or '')");
    tag("if loop.last or " + message + ".role == 'tool' or loop.nextitem.role != " + message +
        ".role");
    write_block(node.body);
    tag("set " + index + " = " + index + " + 1");
    tag("set " + text + " = ''");
    tag("else");
    tag("set " + text + " = " + text + " ~ '\\n\\n'");
    tag("endif");
    loop_ = outer;
    variables_.resize(variable_count);
    if (!node.otherwise.empty()) {
      tag("else");
      write_block(node.otherwise);
    }
    tag("endfor");
  }

  bool is_root(std::string_view base) const {
    return base == "$" || (base == "." && loop_.empty());
  }

  const Variable& find_variable(const std::string& name) const {
    const auto found = std::find_if(variables_.rbegin(), variables_.rend(),
                                    [&](const Variable& known) { return known.name == name; });
    if (found != variables_.rend()) return *found;
    throw go::error_at(line_, ErrorCode::kInvalidArgument, "nothing declares " + name);
  }

  Value evaluate(const Expression& expression) const {
    switch (expression.kind) {
      case Expression::Kind::kText: return {literal(expression.text), Type::kText};
      case Expression::Kind::kNumber: return {expression.text, Type::kNumber};
      case Expression::Kind::kBool: return {expression.text, Type::kBool};
      case Expression::Kind::kCall: return call(expression);
      case Expression::Kind::kValue: break;
    }
    if (is_root(expression.base)) return root_field(expression);
    if (expression.base == ".") return message_field(expression, loop_);
    const Variable& variable = find_variable(expression.base);
    if (variable.type == Type::kMessage) return message_field(expression, variable.code);
    if (!expression.field.empty()) throw go::unsupported(line_, expression.text);
    return {variable.code, variable.type};
  }

  Value root_field(const Expression& expression) const {
    const std::string& field = expression.field;
    if (field == "System") return {"ns.system", Type::kText};
    if (field == "Messages") return {"ns.count", Type::kMessages};
    if (field == "Suffix") return {"''", Type::kText};
    if (field == "Prompt") return {by_messages_ ? "''" : "ns.prompt", Type::kText};
    if (field == "Response") return {by_messages_ ? "''" : "ns.response", Type::kText};
    throw go::unsupported(line_, expression.text);
  }

  Value message_field(const Expression& expression, const std::string& loop) const {
    if (expression.field.empty()) return {"", Type::kMessage};
    if (expression.field == "Role") return {"m" + loop + ".role", Type::kText};
    if (expression.field == "Content") return {"ns.text" + loop, Type::kText};
    throw go::unsupported(line_, expression.text + " of a message");
  }

  Value call(const Expression& expression) const {
    std::vector<Value> arguments;
    for (const Expression& argument : expression.arguments) {
      arguments.push_back(evaluate(argument));
      if (arguments.back().type == Type::kMessage) {
        throw go::unsupported(line_, "a whole message as an argument");
      }
    }
    const std::string& name = expression.text;
    if (name == "and" || name == "or") return joined(name, arguments);
    if (name == "not") {
      check_count(name, arguments, 1, 1);
      return {"(not " + arguments[0].code + ")", Type::kBool};
    }
    if (name == "len") return length(arguments);
    if (name == "slice") return slice(arguments);
    constexpr std::array<std::array<std::string_view, 2>, 6> kComparisons{
        {{"eq", "=="}, {"ne", "!="}, {"lt", "<"}, {"le", "<="}, {"gt", ">"}, {"ge", ">="}}};
    for (const auto& [function, sign] : kComparisons) {
      if (name == function) return comparison(name, sign, arguments);
    }
    throw go::unsupported(line_, name);
  }

  // Both languages give back the operand that decides.
  Value joined(const std::string& name, const std::vector<Value>& arguments) const {
    check_count(name, arguments, 1, SIZE_MAX);
    Value value{"(", arguments.front().type};
    for (const Value& argument : arguments) {
      value.code += (value.code.size() > 1 ? " " + name + " " : "") + argument.code;
      if (argument.type != value.type) value.type = Type::kMixed;
    }
    value.code += ")";
    return value;
  }

  // "eq a b c" is whether a is one of the others.
  Value comparison(const std::string& name, std::string_view sign,
                   const std::vector<Value>& arguments) const {
    check_count(name, arguments, 2, name == "eq" ? SIZE_MAX : 2);
    Value value{"(", Type::kBool};
    for (std::size_t i = 1; i < arguments.size(); ++i) {
      const Type type = arguments[i].type;
      if (type != arguments[0].type || type == Type::kMessages || type == Type::kMixed) {
        throw go::unsupported(line_, name + " of values of two kinds");
      }
      if (i > 1) value.code += " or ";
      value.code.append(arguments[0].code + " ").append(sign).append(" " + arguments[i].code);
    }
    value.code += ")";
    return value;
  }

  Value length(const std::vector<Value>& arguments) const {
    check_count("len", arguments, 1, 1);
    // Go counts a text's bytes, Jinja its characters.
    if (arguments[0].type != Type::kMessages) throw go::unsupported(line_, "len of a text");
    return {arguments[0].code, Type::kNumber};
  }

  Value slice(const std::vector<Value>& arguments) const {
    check_count("slice", arguments, 2, 3);
    if (arguments[0].type != Type::kMessages ||
        std::any_of(arguments.begin() + 1, arguments.end(),
                    [](const Value& index) { return index.type != Type::kNumber; })) {
      throw go::unsupported(line_, "slice of anything but .Messages by numbers");
    }
    const std::string& end = arguments.size() == 3 ? arguments[2].code : arguments[0].code;
    return {"(" + end + " - " + arguments[1].code + ")", Type::kMessages};
  }

  void check_count(const std::string& name, const std::vector<Value>& arguments, std::size_t least,
                   std::size_t most) const {
    if (arguments.size() >= least && arguments.size() <= most) return;
    throw go::error_at(line_, ErrorCode::kInvalidArgument,
                       name + " has " + std::to_string(arguments.size()) + " arguments");
  }

  std::vector<Node> nodes_;
  std::string out_;
  bool by_messages_ = false;
  std::vector<Variable> variables_;  // those in scope, innermost last
  int declared_ = 0, loops_ = 0;     // so far, to tell them apart
  std::string loop_;                 // the number of the innermost range; empty outside
  bool past_response_ = false;       // the first .Response is written
  bool guarded_ = false;             // inside {% if ns.whole %}
  std::size_t line_ = 1;
};

}  // namespace

bool is_go_template(std::string_view source) {
  for (std::size_t at = source.find("{{"); at != std::string_view::npos;
       at = source.find("{{", at)) {
    at += 2;
    if (source.substr(at).starts_with('-')) ++at;
    at = std::min(source.find_first_not_of(" \t\r\n", at), source.size());
    const std::string_view rest = source.substr(at);
    if (rest.starts_with('.') || rest.starts_with('$')) return true;
  }
  return false;
}

std::string go_template_to_jinja(std::string_view source) {
  if (source.size() > kGoTemplateBytesMax) {
    throw Error(ErrorCode::kInvalidArgument, "Go template: " + std::to_string(source.size()) +
                                                 " bytes, at most " +
                                                 std::to_string(kGoTemplateBytesMax) + " are read");
  }
  return Writer(go::parse(source)).write();
}

std::string template_as_jinja(std::string_view source) {
  return is_go_template(source) ? go_template_to_jinja(source) : std::string(source);
}

}  // namespace hearth
