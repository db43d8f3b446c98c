// What filters and string methods do to text. All keep who wrote what, and charge the run.
#pragma once

#include <string_view>
#include <vector>

#include "text/template/run.h"

namespace hearth::jinja {

enum class Side { kBoth, kLeft, kRight };

// str.strip: white space, or the code points of `characters` if it is a string.
Value strip(Run& run, const Str& str, const Value& characters, Side side);
// str.replace; count < 0: all.
Value replace(Run& run, const Str& str, const Str& from, const Str& to, Int count, bool markup);
// str.split / rsplit; a missing or None separator means runs of white space; max < 0: all.
Value split(Run& run, const Str& str, const Value& separator, Int max, bool from_right);
Value split_lines(Run& run, const Str& str, bool keep_ends);
Value upper(Run& run, const Str& str);
Value lower(Run& run, const Str& str);
Value capitalize(Run& run, const Str& str);
Value title(Run& run, const Str& str);         // str.title: after every character without case
Value filter_title(Run& run, const Str& str);  // the filter: after spaces, dashes and brackets
// Byte position of `part` in str at or after `from`, or npos.
std::size_t find(Run& run, std::string_view text, std::string_view part, std::size_t from = 0);
std::size_t find_last(Run& run, std::string_view text, std::string_view part);
// separator.join(items); items become text. `strict`: anything but strings is refused, as in
// str.join.
Value join(Run& run, const Str& separator, const std::vector<Value>& items, bool strict);
// Pads to `width` code points.
Value pad(Run& run, const Str& str, Int width, char fill, Side side);

}  // namespace hearth::jinja
