#include <algorithm>
#include <charconv>
#include <concepts>
#include <cstring>
#include <limits>
#include <utility>

#include "base/error.h"
#include "format/gguf.h"
#include "format/gguf_value.h"
#include "format/printable.h"

namespace hearth {
namespace {

using Entry = GgufMetadata::Entry;

std::string type_text(const Entry& entry) {
  if (entry.type != GgufType::kArray) return std::string(gguf_type_info(entry.type).name);
  std::string text = "[";
  text += gguf_type_info(entry.element).name;
  return text + ", " + std::to_string(entry.count) + "]";
}

[[noreturn]] void fail_missing(std::string_view key) {
  throw Error(ErrorCode::kCorruptData,
              "the model file lacks the metadata key " + printable_quoted(key) +
                  ": it is no model of this kind, or its converter left it out");
}

[[noreturn]] void fail_type(const Entry& entry, std::string_view wanted) {
  throw Error(ErrorCode::kCorruptData, "metadata key " + printable_quoted(entry.key) +
                                           " is of type " + type_text(entry) + ", wanted " +
                                           std::string(wanted));
}

[[noreturn]] void fail_range(const Entry& entry, std::string_view value, std::string_view wanted) {
  throw Error(ErrorCode::kCorruptData, "metadata key " + printable_quoted(entry.key) +
                                           " has the value " + std::string(value) + ", wanted " +
                                           std::string(wanted));
}

template <typename T>
T load(const std::byte* at) noexcept {
  T value;
  std::memcpy(&value, at, sizeof(T));
  return value;
}

// Calls visit(value) with the value at `at` in its own C++ type. Strings and arrays are not
// visited: false.
template <typename Visitor>
bool visit_scalar(GgufType type, const std::byte* at, Visitor&& visit) {
  switch (type) {
    case GgufType::kU8: visit(load<std::uint8_t>(at)); return true;
    case GgufType::kI8: visit(load<std::int8_t>(at)); return true;
    case GgufType::kU16: visit(load<std::uint16_t>(at)); return true;
    case GgufType::kI16: visit(load<std::int16_t>(at)); return true;
    case GgufType::kU32: visit(load<std::uint32_t>(at)); return true;
    case GgufType::kI32: visit(load<std::int32_t>(at)); return true;
    case GgufType::kF32: visit(load<float>(at)); return true;
    case GgufType::kBool: visit(load<std::uint8_t>(at) != 0); return true;
    case GgufType::kU64: visit(load<std::uint64_t>(at)); return true;
    case GgufType::kI64: visit(load<std::int64_t>(at)); return true;
    case GgufType::kF64: visit(load<double>(at)); return true;
    case GgufType::kString:
    case GgufType::kArray: return false;
  }
  return false;
}

template <typename T>
constexpr bool kIsInteger = std::integral<T> && !std::same_as<T, bool>;

std::uint64_t to_unsigned(const Entry& entry) {
  constexpr std::string_view kWanted = "an integer of 0 or more";
  std::uint64_t result = 0;
  bool integer = false;
  visit_scalar(entry.type, entry.value.data(), [&]<typename T>(T value) {
    if constexpr (kIsInteger<T>) {
      integer = true;
      if (std::cmp_less(value, 0)) fail_range(entry, std::to_string(value), kWanted);
      result = static_cast<std::uint64_t>(value);
    }
  });
  if (!integer) fail_type(entry, kWanted);
  return result;
}

double to_number(const Entry& entry) {
  double result = 0;
  bool number = false;
  visit_scalar(entry.type, entry.value.data(), [&]<typename T>(T value) {
    if constexpr (!std::same_as<T, bool>) {
      number = true;
      result = static_cast<double>(value);
    }
  });
  if (!number) fail_type(entry, "a number");
  return result;
}

bool to_boolean(const Entry& entry) {
  if (entry.type != GgufType::kBool) fail_type(entry, "bool");
  return load<std::uint8_t>(entry.value.data()) != 0;
}

std::string_view text_of(std::span<const std::byte> bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string_view to_string_view(const Entry& entry) {
  if (entry.type != GgufType::kString) fail_type(entry, "string");
  return text_of(entry.value);
}

// The next string of an array whose strings the parser has walked once: u64 length, text.
std::string_view next_string(std::span<const std::byte>& rest) noexcept {
  const auto length = load<std::uint64_t>(rest.data());
  const std::string_view text = text_of(rest.subspan(8, length));
  rest = rest.subspan(8 + length);
  return text;
}

std::string scalar_text(GgufType type, const std::byte* at) {
  std::string text;
  visit_scalar(type, at, [&]<typename T>(T value) {
    if constexpr (std::same_as<T, bool>) {
      text = value ? "true" : "false";
    } else {
      char buffer[32];  // the longest shortest form of a double has 24 characters
      const auto end = std::to_chars(buffer, buffer + sizeof(buffer), value);
      text.assign(buffer, end.ptr);
    }
  });
  return text;
}

std::string array_text(const Entry& entry, std::size_t limit) {
  std::string text = "[";
  std::span<const std::byte> rest = entry.value;
  for (std::uint64_t i = 0; i < entry.count; ++i) {
    if (i != 0) text += ", ";
    if (text.size() >= limit) return text + "… " + std::to_string(entry.count) + " in all]";
    if (entry.element == GgufType::kString) {
      text += '"';
      text += printable(next_string(rest), limit - text.size());
      text += '"';
    } else {
      text += scalar_text(entry.element, rest.data());
      rest = rest.subspan(gguf_type_info(entry.element).bytes);
    }
  }
  return text + "]";
}

const Entry& need_array(const Entry* entry, std::string_view key, std::string_view wanted) {
  if (entry == nullptr) fail_missing(key);
  if (entry->type != GgufType::kArray) fail_type(*entry, wanted);
  return *entry;
}

}  // namespace

const Entry* GgufMetadata::find(std::string_view key) const noexcept {
  if (entries_ == nullptr) return nullptr;
  const auto found = std::ranges::lower_bound(*entries_, key, {}, &Entry::key);
  return found != entries_->end() && found->key == key ? &*found : nullptr;
}

bool GgufMetadata::contains(std::string_view key) const noexcept { return find(key) != nullptr; }

std::optional<std::uint64_t> GgufMetadata::optional_unsigned(std::string_view key) const {
  const Entry* entry = find(key);
  if (entry == nullptr) return std::nullopt;
  return to_unsigned(*entry);
}

std::optional<double> GgufMetadata::optional_number(std::string_view key) const {
  const Entry* entry = find(key);
  if (entry == nullptr) return std::nullopt;
  return to_number(*entry);
}

std::optional<bool> GgufMetadata::optional_boolean(std::string_view key) const {
  const Entry* entry = find(key);
  if (entry == nullptr) return std::nullopt;
  return to_boolean(*entry);
}

std::optional<std::string_view> GgufMetadata::optional_string(std::string_view key) const {
  const Entry* entry = find(key);
  if (entry == nullptr) return std::nullopt;
  return to_string_view(*entry);
}

std::uint64_t GgufMetadata::unsigned_integer(std::string_view key) const {
  const auto value = optional_unsigned(key);
  if (!value) fail_missing(key);
  return *value;
}

double GgufMetadata::number(std::string_view key) const {
  const auto value = optional_number(key);
  if (!value) fail_missing(key);
  return *value;
}

bool GgufMetadata::boolean(std::string_view key) const {
  const auto value = optional_boolean(key);
  if (!value) fail_missing(key);
  return *value;
}

std::string_view GgufMetadata::string(std::string_view key) const {
  const auto value = optional_string(key);
  if (!value) fail_missing(key);
  return *value;
}

std::vector<std::int64_t> GgufMetadata::integers(std::string_view key) const {
  constexpr std::string_view kWanted = "an array of integers";
  const Entry& entry = need_array(find(key), key, kWanted);
  if (entry.element == GgufType::kString || entry.element == GgufType::kF32 ||
      entry.element == GgufType::kF64) {
    fail_type(entry, kWanted);
  }
  const std::size_t step = gguf_type_info(entry.element).bytes;
  std::vector<std::int64_t> values(entry.count);
  for (std::size_t i = 0; i < values.size(); ++i) {
    visit_scalar(entry.element, entry.value.data() + i * step, [&]<typename T>(T value) {
      if constexpr (std::integral<T>) {
        if constexpr (std::same_as<T, std::uint64_t>) {
          if (!std::in_range<std::int64_t>(value)) {
            fail_range(entry, std::to_string(value), "integers below 2^63");
          }
        }
        values[i] = static_cast<std::int64_t>(value);
      }
    });
  }
  return values;
}

std::vector<float> GgufMetadata::numbers(std::string_view key) const {
  constexpr std::string_view kWanted = "an array of f32 or f64";
  const Entry& entry = need_array(find(key), key, kWanted);
  std::vector<float> values;
  if (entry.element == GgufType::kF32) {
    values.resize(entry.count);
    if (!values.empty()) std::memcpy(values.data(), entry.value.data(), entry.value.size());
  } else if (entry.element == GgufType::kF64) {
    values.resize(entry.count);
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i] = static_cast<float>(load<double>(entry.value.data() + 8 * i));
    }
  } else {
    fail_type(entry, kWanted);
  }
  return values;
}

std::vector<std::string_view> GgufMetadata::strings(std::string_view key) const {
  constexpr std::string_view kWanted = "an array of strings";
  const Entry& entry = need_array(find(key), key, kWanted);
  if (entry.element != GgufType::kString) fail_type(entry, kWanted);
  std::vector<std::string_view> values(entry.count);
  std::span<const std::byte> rest = entry.value;
  for (std::string_view& value : values) value = next_string(rest);
  return values;
}

std::size_t GgufMetadata::array_length(std::string_view key) const {
  const Entry* entry = find(key);
  return entry == nullptr ? 0 : need_array(entry, key, "an array").count;
}

std::vector<std::string_view> GgufMetadata::keys() const {
  if (entries_ == nullptr) return {};
  std::vector<std::string_view> keys(entries_->size());
  for (const Entry& entry : *entries_) keys[entry.order] = entry.key;
  return keys;
}

std::string GgufMetadata::type_name(std::string_view key) const {
  const Entry* entry = find(key);
  if (entry == nullptr) fail_missing(key);
  return type_text(*entry);
}

std::string GgufMetadata::to_text(std::string_view key, std::size_t limit) const {
  const Entry* entry = find(key);
  if (entry == nullptr) fail_missing(key);
  if (entry->type == GgufType::kString) return printable(text_of(entry->value), limit);
  if (entry->type == GgufType::kArray) return array_text(*entry, limit);
  return scalar_text(entry->type, entry->value.data());
}

}  // namespace hearth
