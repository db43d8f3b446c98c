"""Reads C++ well enough to find its functions, without a compiler: comments, literals and
preprocessor lines are blanked, keeping every offset; then braces are told apart by the words
before them."""

import bisect
import re
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""(?P<line>//[^\n]*)
      | (?P<block>/\*.*?\*/)
      | (?P<raw>\b(?:u8|[uUL])?R"(?P<delimiter>[^\s()\\]{0,16})\(.*?\)(?P=delimiter)")
      | (?P<string>"(?:\\.|[^"\\\n])*")
      | (?P<number>(?<![\w'])\d(?:'?[\w.])*)
      | (?P<char>'(?:\\.|[^'\\\n])+')
      | (?P<directive>^[ \t]*\#(?:\\\n|[^\n])*)""",
    re.DOTALL | re.MULTILINE | re.VERBOSE)

_CONTAINER = re.compile(r"\b(namespace|class|struct|union|enum|extern)\b")
_NAME = re.compile(r"(operator\s*(?:\(\s*\)|\[\]|[^\s\w(]+|\w[\w: ]*)|~?[\w:~]+)[\s)]*$")


@dataclass
class Function:
    name: str
    line: int  # of the first word of the signature, from 1
    line_count: int  # to the closing brace, both included; 0 for a declaration
    parameter_count: int
    scope: str  # the class it stands in, or ""


def blank(text):
    """The text with comments, literals and directives as spaces; lines and offsets stay."""
    def spaces(match):
        if match.lastgroup == "number" or match.group("number"):
            return match.group(0)
        return re.sub(r"[^\n]", " ", match.group(0))
    return _TOKEN.sub(spaces, text)


class _Scanner:
    def __init__(self, text):
        self.code = blank(text)
        self.line_starts = [0] + [m.end() for m in re.finditer("\n", self.code)]
        self.functions = []

    def line_of(self, offset):
        return bisect.bisect_right(self.line_starts, offset)

    def close_of(self, offset, opening, closing):
        """The offset of the bracket that closes the one at offset."""
        depth = 0
        for match in re.finditer(f"[{re.escape(opening + closing)}]", self.code[offset:]):
            depth += 1 if match.group(0) == opening else -1
            if depth == 0:
                return offset + match.start()
        return len(self.code) - 1

    def scan(self, start, end, scope):
        """Walks the statements of a namespace or class body."""
        begin = position = start
        while position < end:
            character = self.code[position]
            if character == "(":
                position = self.close_of(position, "(", ")")
            elif character == ";":
                self.declaration(begin, position, scope)
                begin = position + 1
            elif character == "{":
                close = self.close_of(position, "{", "}")
                if self.braces(begin, position, close, scope):
                    begin = close + 1
                position = close
            elif character == ":" and self.code[begin:position].strip() in (
                    "public", "private", "protected"):
                begin = position + 1
            position += 1

    def braces(self, begin, opening, close, scope):
        """What { … } at opening is, given the words before it; true when it ends a statement."""
        head = _without_templates(self.code[begin:opening])
        outer = _outside_parentheses(head)
        if "=" in outer.replace("==", "") and "operator" not in outer:
            if re.search(r"=\s*\[[^\]]*\]\s*\(", head):
                self.add(begin, close, head, scope)  # a lambda with a name
            return False  # an initializer: the statement goes on to its semicolon
        if _CONTAINER.search(outer) and not re.search(r"\)\s*(const|noexcept|override|\s)*$", head):
            if not re.search(r"\benum\b", outer):
                self.scan(opening + 1, close, _class_name(outer))
            return True
        if "(" not in head:
            return False  # a member with an initializer: int a{1};
        if _in_constructor_initializers(head):
            return False
        self.add(begin, close, head, scope)
        return True

    def declaration(self, begin, end, scope):
        head = _without_templates(self.code[begin:end]).strip()
        skip = re.match(r"(using|typedef|return|static_assert|friend|extern|CHECK|=)\b", head)
        if skip or "(" not in head or "=" in _outside_parentheses(head.split("(")[0]):
            return
        before = head.split("(")[0].split()
        if len(before) >= 2:
            self.add(begin, end, head, scope, declared_only=True)

    def add(self, begin, close, head, scope, declared_only=False):
        first = begin + len(self.code[begin:]) - len(self.code[begin:].lstrip())
        name, parameters = _signature(head)
        count = 0 if declared_only else self.line_of(close) - self.line_of(first) + 1
        self.functions.append(
            Function(name, self.line_of(first), count, _count_parameters(parameters), scope))


def _without_templates(head):
    """Drops leading template<…> clauses, whose class and = are no class and no initializer."""
    while match := re.match(r"\s*template\s*<", head):
        depth, position = 1, match.end()
        while depth and position < len(head):
            depth += {"<": 1, ">": -1}.get(head[position], 0)
            position += 1
        head = head[position:]
    return head


def _outside_parentheses(head):
    result, depth = [], 0
    for character in head:
        depth += {"(": 1, ")": -1}.get(character, 0)
        result.append(character if depth == 0 and character != ")" else " ")
    return "".join(result)


def _class_name(outer):
    match = re.search(r"\b(?:class|struct|union)\s+(?:alignas\s+)?([\w:]+)", outer)
    return match.group(1).split("::")[-1] if match else ""


def _in_constructor_initializers(head):
    """Foo(int a) : a_{a}, b_(1) { … }: a brace straight after a member's name initializes it."""
    parameters_end = _first_parentheses_end(head)
    after = re.match(r"\s*(noexcept(\s*\([^)]*\))?)?\s*:(?!:)", head[parameters_end:])
    return bool(after) and bool(re.search(r"[\w>]\s*$", head))


def _first_parentheses_end(head):
    depth = 0
    for position in range(_parameters_start(head), len(head)):
        depth += {"(": 1, ")": -1}.get(head[position], 0)
        if depth == 0:
            return position + 1
    return len(head)


def _parameters_start(head):
    call = re.search(r"(operator\s*\(\s*\)|\(\s*\*\s*\w+\s*\))\s*\(", head)
    return call.end() - 1 if call else head.index("(")


def _signature(head):
    start = _parameters_start(head)
    match = _NAME.search(head[:start])
    name = re.sub(r"\s+", " ", match.group(1)) if match else "?"
    return name, head[start + 1:_first_parentheses_end(head) - 1]


def _count_parameters(text):
    if text.strip() in ("", "void"):
        return 0
    depth, count = 0, 1
    for character in text:
        depth += (character in "(<{[") - (character in ")>}]")
        count += character == "," and depth == 0
    return count


def functions(text):
    scanner = _Scanner(text)
    scanner.scan(0, len(scanner.code), "")
    return scanner.functions
