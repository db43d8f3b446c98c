// Durations as Go writes them, which Ollama's clients send. Pure; any thread.
#pragma once

#include <optional>
#include <string_view>

namespace hearth {

// Seconds of "300ms", "1.5h", "2h45m", "-1m" or "0": a sign, then decimal numbers each with a unit
// of ns, us (µs), ms, s, m, h (the grammar of Go's time.ParseDuration). Nothing for another text,
// and for more than the 2^63 - 1 nanoseconds that Go holds.
std::optional<double> parse_duration(std::string_view text);

}  // namespace hearth
