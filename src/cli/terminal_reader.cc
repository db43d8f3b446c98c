#include "cli/terminal_reader.h"

#include <histedit.h>
#include <langinfo.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <clocale>
#include <cstdio>
#include <cwchar>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "cli/history_file.h"
#include "cli/interrupt_scope.h"

namespace hearth {

// What libedit calls back into.
struct TerminalReader::State {
  explicit State(std::filesystem::path path);
  ~State();
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  void remember(const std::string& line);

  static State& of(EditLine* editor);
  static char* prompt_of(EditLine* editor);
  static int next_character(EditLine* editor, wchar_t* character);

  HistoryFile file;
  ::History* history;
  EditLine* editor;
  const InterruptScope* interrupt = nullptr;
  std::string prompt;
  std::string last;  // a line repeated at once is kept once
};

namespace {

void speak_utf8() {
  std::setlocale(LC_CTYPE, "");
  if (std::string_view(::nl_langinfo(CODESET)) != "UTF-8") std::setlocale(LC_CTYPE, "C.UTF-8");
}

}  // namespace

TerminalReader::State::State(std::filesystem::path path)
    : file(std::move(path)),
      history(::history_init()),
      editor(::el_init("hearth", stdin, stderr, stderr)) {
  if (history == nullptr || editor == nullptr) {
    throw Error(ErrorCode::kResourceExhausted, "the terminal cannot be opened for line editing");
  }
  HistEvent event;
  ::history(history, &event, H_SETSIZE, static_cast<int>(kHistoryLinesMax));
  for (const std::string& line : file.load()) {
    ::history(history, &event, H_ENTER, line.c_str());
    last = line;
  }
  ::el_set(editor, EL_CLIENTDATA, this);
  ::el_set(editor, EL_PROMPT, &State::prompt_of);
  ::el_set(editor, EL_EDITOR, "emacs");
  ::el_set(editor, EL_HIST, ::history, history);
  ::el_set(editor, EL_GETCFN, &State::next_character);
  // A stop, a hang-up or a resize finds the terminal as it was before.
  ::el_set(editor, EL_SIGNAL, 1);
  ::el_source(editor, nullptr);  // the person's own ~/.editrc
}

TerminalReader::State::~State() {
  if (editor != nullptr) ::el_end(editor);
  if (history != nullptr) ::history_end(history);
}

TerminalReader::State& TerminalReader::State::of(EditLine* editor) {
  void* state = nullptr;
  ::el_get(editor, EL_CLIENTDATA, &state);
  return *static_cast<State*>(state);
}

char* TerminalReader::State::prompt_of(EditLine* editor) { return of(editor).prompt.data(); }

// 1 with a character, 0 at the end of the input, -1 for Ctrl-C: libedit's own reader would start
// again after an interrupt, and the line would stay.
int TerminalReader::State::next_character(EditLine* editor, wchar_t* character) {
  State& self = of(editor);
  std::mbstate_t decoder{};
  while (true) {
    // An interrupt that comes before the read would not end it: both are waited for.
    pollfd waiting[] = {{STDIN_FILENO, POLLIN, 0}, {self.interrupt->wake_fd(), POLLIN, 0}};
    if (::poll(waiting, 2, -1) < 0 && errno != EINTR) return -1;
    if (self.interrupt->token().cancelled()) return -1;
    if (waiting[0].revents == 0) continue;
    char byte = 0;
    const ssize_t got = ::read(STDIN_FILENO, &byte, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return got == 0 ? 0 : -1;
    const std::size_t length = std::mbrtowc(character, &byte, 1, &decoder);
    if (length == static_cast<std::size_t>(-2)) continue;  // the character goes on
    if (length <= 1) return 1;
    decoder = {};  // no UTF-8: not typed
  }
}

void TerminalReader::State::remember(const std::string& line) {
  if (line.empty() || line == last) return;
  last = line;
  HistEvent event;
  ::history(history, &event, H_ENTER, line.c_str());
  file.append(line);
}

TerminalReader::TerminalReader(std::filesystem::path history) {
  speak_utf8();
  state_ = std::make_unique<State>(std::move(history));
}

TerminalReader::~TerminalReader() = default;

LineEvent TerminalReader::read(const std::string& prompt, std::string& line) {
  const InterruptScope scope;
  state_->interrupt = &scope;
  state_->prompt = prompt;
  int length = 0;
  const char* text = ::el_gets(state_->editor, &length);
  if (scope.token().cancelled() || text == nullptr || length <= 0) {
    std::fputs("\n", stderr);
    return scope.token().cancelled() ? LineEvent::kInterrupted : LineEvent::kEnd;
  }
  line.assign(text, static_cast<std::size_t>(length));
  while (line.ends_with('\n') || line.ends_with('\r')) line.pop_back();
  state_->remember(line);
  return LineEvent::kLine;
}

}  // namespace hearth
