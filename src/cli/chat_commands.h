// The commands of a chat: /help, /set, /system, … One table, which /help shows. One thread.
#pragma once

#include "cli/chat_input.h"

namespace hearth {

class Chat;

// False when the person leaves. kNotFound, with the nearest command, for one that is not there.
bool run_chat_command(Chat& chat, const ChatInput& input);

}  // namespace hearth
