#include "cli/chat_commands.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <vector>

#include "base/error.h"
#include "cli/chat.h"
#include "cli/saved_conversation.h"
#include "format/printable.h"

namespace hearth {

// Each does one command on a chat whose insides it may touch.
struct ChatCommands {
  static void help(Chat& chat, const std::string& argument);
  static void set(Chat& chat, const std::string& argument);
  static void system(Chat& chat, const std::string& argument);
  static void clear(Chat& chat, const std::string& argument);
  static void drop(Chat& chat, const std::string& argument);
  static void save(Chat& chat, const std::string& argument);
  static void load(Chat& chat, const std::string& argument);
  static void stats(Chat& chat, const std::string& argument);
};

namespace {

struct ChatCommand {
  std::string_view name;
  std::string_view argument;
  std::string_view description;
  void (*run)(Chat& chat, const std::string& argument);  // null: leaves
};

constexpr std::array kCommands{
    ChatCommand{"help", "", "this list", ChatCommands::help},
    ChatCommand{"set", "[NAME VALUE]", "show the settings, or change one", ChatCommands::set},
    ChatCommand{"system", "[TEXT|off]", "show, set or remove the system message",
                ChatCommands::system},
    ChatCommand{"clear", "", "forget every turn; the system message stays", ChatCommands::clear},
    ChatCommand{"drop", "N", "forget the N oldest turns", ChatCommands::drop},
    ChatCommand{"save", "FILE", "write the conversation to a file", ChatCommands::save},
    ChatCommand{"load", "FILE", "go on with a conversation from a file", ChatCommands::load},
    ChatCommand{"stats", "", "the speed of the last answer, the context in use",
                ChatCommands::stats},
    ChatCommand{"bye", "", "leave; so do Ctrl-D, and Ctrl-C twice", nullptr},
};

std::string padded(std::string text, std::size_t columns) {
  text.resize(std::max(text.size() + 1, columns), ' ');
  return text;
}

void need_argument(const std::string& argument, std::string_view usage) {
  if (!argument.empty()) return;
  throw Error(ErrorCode::kInvalidArgument, "wanted: " + std::string(usage));
}

// Where a turn begins: at a message of the user.
std::vector<std::size_t> turn_starts(const Conversation& conversation) {
  std::vector<std::size_t> starts;
  for (std::size_t i = 0; i < conversation.messages.size(); ++i) {
    if (conversation.messages[i].role == "user") starts.push_back(i);
  }
  return starts;
}

std::string amount_of_turns(std::size_t turns) {
  return std::to_string(turns) + (turns == 1 ? " turn" : " turns");
}

}  // namespace

void ChatCommands::help(Chat& chat, const std::string& /*argument*/) {
  std::string text;
  for (const ChatCommand& command : kCommands) {
    text += padded("/" + std::string(command.name) + " " + std::string(command.argument), 22) +
            std::string(command.description) + "\n";
  }
  text +=
      "\"\"\"                   begins and ends a message of several lines\n"
      "Ctrl-C                stops the answer";
  chat.screen_.note(text);
}

void ChatCommands::set(Chat& chat, const std::string& argument) {
  AskSettings& settings = chat.options_.settings;
  if (argument.empty()) {
    std::string text;
    for (const AskSetting& setting : ask_settings()) {
      text += (text.empty() ? "" : "\n") + padded(std::string(setting.name), 20) +
              padded(setting.get(settings), 12) + std::string(setting.description);
    }
    return chat.screen_.note(text);
  }
  const std::size_t end = std::min(argument.find_first_of(" =\t"), argument.size());
  const std::size_t value = std::min(argument.find_first_not_of(" =\t", end), argument.size());
  set_by_name(settings, argument.substr(0, end), argument.substr(value));
}

void ChatCommands::system(Chat& chat, const std::string& argument) {
  if (!argument.empty()) return chat.set_system(argument == "off" ? "" : argument);
  const std::vector<Message>& messages = chat.conversation_.messages;
  const bool is_set = !messages.empty() && messages.front().role == "system";
  const std::string& own = chat.answerer_.card().system;
  chat.screen_.note(is_set        ? messages.front().content.value_or("")
                    : own.empty() ? "there is no system message"
                                  : "the model's own: " + printable(own, 1000));
}

void ChatCommands::clear(Chat& chat, const std::string& /*argument*/) {
  const std::vector<std::size_t> starts = turn_starts(chat.conversation_);
  if (!starts.empty()) chat.conversation_.messages.resize(starts.front());
  chat.screen_.note("forgot " + amount_of_turns(starts.size()));
}

void ChatCommands::drop(Chat& chat, const std::string& argument) {
  const std::vector<std::size_t> starts = turn_starts(chat.conversation_);
  std::size_t turns = 0;
  const char* end = argument.data() + argument.size();
  const auto [rest, error] = std::from_chars(argument.data(), end, turns);
  if (error != std::errc() || rest != end || turns == 0 || turns > starts.size()) {
    throw Error(ErrorCode::kInvalidArgument, "wanted: /drop N, with N from 1 to the " +
                                                 amount_of_turns(starts.size()) + " there are");
  }
  std::vector<Message>& messages = chat.conversation_.messages;
  const std::size_t kept = turns < starts.size() ? starts[turns] : messages.size();
  messages.erase(messages.begin() + static_cast<std::ptrdiff_t>(starts.front()),
                 messages.begin() + static_cast<std::ptrdiff_t>(kept));
  chat.screen_.note("forgot " + amount_of_turns(turns) + ", " +
                    amount_of_turns(starts.size() - turns) + " left");
}

void ChatCommands::save(Chat& chat, const std::string& argument) {
  need_argument(argument, "/save FILE");
  save_conversation({chat.options_.model, chat.conversation_}, argument);
  chat.screen_.note("saved to " + printable(argument, 200));
}

void ChatCommands::load(Chat& chat, const std::string& argument) {
  need_argument(argument, "/load FILE");
  SavedConversation saved = load_conversation(argument);
  chat.conversation_ = std::move(saved.conversation);
  std::string text = "loaded " + amount_of_turns(turn_starts(chat.conversation_).size());
  if (saved.model != chat.options_.model) {
    text += ", held with " + printable(saved.model, 100);
  }
  chat.screen_.note(text);
}

void ChatCommands::stats(Chat& chat, const std::string& /*argument*/) {
  const ModelCard& card = chat.answerer_.card();
  std::string text = printable(card.name, 100) + " on " + card.device;
  if (chat.last_) {
    const Answer& answer = *chat.last_;
    text += "\n" + speed_text(answer, chat.measured(answer)) +
            "\ncontext: " + std::to_string(answer.prompt_tokens + answer.answer_tokens) + " of " +
            std::to_string(card.context) + " tokens after the last answer";
  } else {
    text += "\ncontext: " + std::to_string(card.context) + " tokens; no answer yet";
  }
  chat.screen_.note(text);
}

bool run_chat_command(Chat& chat, const ChatInput& input) {
  std::vector<std::string_view> names;
  for (const ChatCommand& command : kCommands) {
    names.push_back(command.name);
    if (command.name != input.command) continue;
    if (command.run == nullptr) return false;
    command.run(chat, input.text);
    return true;
  }
  const std::string_view nearest = nearest_word(input.command, names);
  throw Error(ErrorCode::kNotFound,
              "there is no command /" + printable(input.command, 40) +
                  (nearest.empty() ? "" : "; did you mean /" + std::string(nearest) + "?") +
                  " (/help lists them; a blank before the slash makes it a message)");
}

}  // namespace hearth
