// LiveScreen: the terminal while a view is redrawn in place: an alternate screen without a cursor,
// keys read as they are typed. The destructor puts everything back. Owns the terminal's mode; one
// at a time, one thread.
#pragma once

#include <termios.h>

#include <cstddef>
#include <string>
#include <vector>

#include "cli/interrupt_scope.h"

namespace hearth {

class LiveScreen {
 public:
  explicit LiveScreen(bool bold_head);
  ~LiveScreen();
  LiveScreen(const LiveScreen&) = delete;
  LiveScreen& operator=(const LiveScreen&) = delete;

  struct Size {
    std::size_t columns = 80, rows = 24;
  };
  static Size size();

  // The first line is the head.
  void show(const std::vector<std::string>& lines);
  // Waits so long. False when the person wants to leave: q, or an interrupt.
  bool wait(double seconds, const InterruptScope& scope);

 private:
  bool bold_head_;
  termios before_;
  bool reads_keys_;
};

}  // namespace hearth
