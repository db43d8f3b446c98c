// ProgressLine: a pull's progress for people or for programs, on stderr or stdout: one line that is
// redrawn on a terminal, a plain line per stage (and every tenth) elsewhere, one JSON object per
// line with `json`. One thread.
#pragma once

#include <cstdio>
#include <string>

#include "store/progress.h"

namespace hearth {

class ProgressLine {
 public:
  enum class Style { kBar, kPlain, kJson, kSilent };

  // kJson writes to stdout, the others to stderr.
  explicit ProgressLine(Style style) : style_(style) {}
  ~ProgressLine() { finish(); }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  // A bar when stderr is a terminal that can redraw a line, else plain.
  static Style style_for_stderr();

  void show(const PullProgress& progress);
  void finish();  // ends the line being drawn

 private:
  void show_bar(const PullProgress& progress);
  void show_plain(const PullProgress& progress);

  Style style_;
  bool drawing_ = false;
  std::string stage_;
  int tenths_shown_ = 0;
};

// The bar's text for a terminal of `columns`: "downloading x  42 % [####      ] 41 of 98 MB, 12
// MB/s, 5 s left".
std::string render_bar(const PullProgress& progress, int columns);

}  // namespace hearth
