// What a template means, as a tree. Built by the parser, immutable afterwards, owned by the
// ChatTemplate. Invariant: no node is deeper than kExpressionDepthMax expressions or kBlockDepthMax
// blocks, so that walking it recursively is safe.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "text/template/value.h"

namespace hearth::jinja {

// Brackets, filters and attribute chains, one level each. Real templates stay below 30.
inline constexpr int kExpressionDepthMax = 96;
// Blocks inside blocks. Real templates stay below 15.
inline constexpr int kBlockDepthMax = 64;

enum class ExprKind : std::uint8_t {
  kConstant,
  kName,
  kAttribute,  // parts[0] . name
  kItem,       // parts[0] [ parts[1] ]
  kSlice,      // parts[0] [ parts[1] : parts[2] : parts[3] ], absent parts null
  kCall,       // parts[0] ( args )
  kFilter,     // parts[0] | name ( args ); parts[0] null in filter blocks
  kTest,       // parts[0] is name ( args )
  kNot,
  kNegative,
  kPositive,
  kAnd,  // parts, from the left
  kOr,
  kCompare,      // parts[0] ops[0] parts[1] ops[1] parts[2] ...
  kArithmetic,   // likewise, from the left
  kConcat,       // parts joined as text
  kConditional,  // parts[1] if parts[0] else parts[2]; parts[2] may be null
  kList,
  kTuple,
  kDict,  // parts: key, value, key, value ...
};

enum class Op : std::uint8_t {
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kFloorDivide,
  kModulo,
  kPower,
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kIn,
  kNotIn,
};

struct Expr;
using ExprPtr = std::unique_ptr<Expr>;

struct Argument {
  std::string_view name;  // empty: positional
  int stars = 0;          // 1: *list, 2: **dict
  ExprPtr value;
};

struct Expr {
  ExprKind kind = ExprKind::kConstant;
  int line = 1;
  int depth = 1;
  std::string_view name;
  Value constant;
  const Native* native = nullptr;  // kFilter, kTest: null if there is none of that name
  std::vector<ExprPtr> parts;
  std::vector<Op> ops;
  std::vector<Argument> args;
};

enum class StmtKind : std::uint8_t {
  kData,
  kPrint,  // exprs
  kIf,     // branches; the last may have no condition
  kFor,
  kSet,       // target = exprs[0]
  kSetBlock,  // target = body, through exprs[0] (a filter chain) if there is one
  kMacro,
  kCallBlock,    // exprs[0] is the call, macro the block as its caller
  kFilterBlock,  // exprs[0] is the filter chain
  kWith,         // targets and exprs pairwise
  kScope,        // generation: a body with names of its own
  kBreak,
  kContinue,
};

// What a value is assigned to: a name, a namespace attribute, or a tuple of targets.
struct Target {
  std::string_view name;
  std::string_view attribute;    // namespace attribute, or empty
  std::vector<Target> elements;  // tuple, if not empty
  bool is_tuple = false;
  int line = 1;
};

struct Stmt;
using Block = std::vector<std::unique_ptr<Stmt>>;

struct Branch {
  ExprPtr condition;  // null: else
  Block body;
};

struct MacroNode {
  std::string_view name;
  std::vector<std::string_view> parameters;
  std::vector<ExprPtr> defaults;  // for the last parameters
  Block body;
  bool uses_caller = false;
  bool uses_varargs = false;
  bool uses_kwargs = false;
};

struct Stmt {
  StmtKind kind = StmtKind::kData;
  int line = 1;
  Value data;  // kData: a string
  std::vector<ExprPtr> exprs;
  std::vector<Branch> branches;
  std::vector<Target> targets;
  Block body;
  Block otherwise;    // kFor: when there was nothing to loop over
  ExprPtr condition;  // kFor: the filter
  bool recursive = false;
  MacroNode macro;
};

struct Ast {
  std::string source;  // normalized; names and data point into it
  Arena constants;
  Block body;
};

}  // namespace hearth::jinja
