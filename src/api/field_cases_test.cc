#include "api/field_cases.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "api/error.h"

namespace hearth {
namespace {

using nlohmann::json;

constexpr double kSizeMax = 1 << 16;
constexpr double kExactMax = 0x1p53;  // whole numbers that a double tells from their neighbours

struct Case {
  json value;
  bool taken;
};

json integer(double value) {
  if (std::fabs(value) < 0x1p63) return static_cast<std::int64_t>(value);
  return value == -0x1p63 ? json(std::numeric_limits<std::int64_t>::min()) : json(value);
}

double beyond(double value, double direction, bool whole) {
  if (whole && std::fabs(value) < kExactMax) return value + direction;
  return std::nextafter(value, direction * std::numeric_limits<double>::infinity());
}

void add_numbers(const Field& field, std::vector<Case>& cases) {
  const bool whole = !(field.types & kFieldNumber);
  const auto number = [&](double value) { return whole ? integer(value) : json(value); };
  cases.push_back({number(field.min), true});
  cases.push_back({number(field.max), true});
  cases.push_back({number(beyond(field.min, -1, whole)), false});
  cases.push_back({number(beyond(field.max, 1, whole)), false});
  cases.push_back({std::numeric_limits<std::uint64_t>::max(), false});
  cases.push_back({-1e300, false});
  if (whole) cases.push_back({std::floor(field.min) + 0.5, false});
}

json of_size(FieldTypes type, std::size_t size) {
  if (type == kFieldString) return std::string(size, 'x');
  if (type == kFieldArray) return std::vector<json>(size);
  json object = json::object();
  for (std::size_t i = 0; i < size; ++i) object[std::to_string(i)] = nullptr;
  return object;
}

// An array's or object's members have tables of their own: only how many there are counts here.
void add_sizes(const Field& field, FieldTypes type, std::vector<Case>& cases) {
  const auto min = static_cast<std::size_t>(std::max(field.min, 0.0));
  if (type == kFieldString || min == 0) cases.push_back({of_size(type, min), true});
  if (min > 0) cases.push_back({of_size(type, min - 1), false});
  if (field.max > kSizeMax) return;
  const auto max = static_cast<std::size_t>(field.max);
  if (type == kFieldString) cases.push_back({of_size(type, max), true});
  cases.push_back({of_size(type, max + 1), false});
}

std::vector<Case> cases_of(const Field& field) {
  std::vector<Case> cases;
  cases.push_back({nullptr, !field.required});
  if (field.served == Field::Served::kNotServed) {
    for (const json& value :
         {json("asked"), json(7), json(true), json::array({1}), json{{"type", "object"}}}) {
      cases.push_back({value, false});
    }
    return cases;
  }
  const std::pair<FieldTypes, json> other[] = {{kFieldString, "x"},
                                               {kFieldNumber, 0.5},
                                               {kFieldBoolean, true},
                                               {kFieldObject, json::object()},
                                               {kFieldArray, json::array()}};
  for (const auto& [type, value] : other) {
    if (!(field.types & type)) cases.push_back({value, false});
  }
  if (field.types & (kFieldInteger | kFieldNumber)) add_numbers(field, cases);
  if (field.types & kFieldBoolean) cases.insert(cases.end(), {{true, true}, {false, true}});
  for (const FieldTypes type : {kFieldString, kFieldObject, kFieldArray}) {
    if (field.types & type) add_sizes(field, type, cases);
  }
  return cases;
}

// The field that was refused, or nothing.
std::optional<std::string> refused(const std::function<void()>& call) {
  try {
    call();
    return std::nullopt;
  } catch (const FieldError& error) {
    EXPECT_NE(error.message(), "");
    return error.field();
  }
}

void expect_case(const FieldTable& table, const Field& field, const Case& one) {
  json object = json::parse(table.valid);
  object[std::string(field.name)] = one.value;
  const std::string text = object.dump(), shown = text.substr(0, 200);
  const auto by_table = refused([&] { check_fields(object, table.fields); });
  const auto by_parser = refused([&] { table.parse(text); });
  EXPECT_EQ(by_table.has_value(), !one.taken) << shown;
  if (!one.taken) {
    EXPECT_TRUE(by_table.value_or("").starts_with(field.name)) << shown << by_table.value_or("");
    EXPECT_TRUE(by_parser.has_value()) << shown;
  } else if (one.value.is_number() || one.value.is_boolean()) {
    EXPECT_EQ(by_parser, std::nullopt) << shown;
  }
}

}  // namespace

void expect_bounds(const FieldTable& table) {
  ASSERT_EQ(refused([&] { table.parse(table.valid); }), std::nullopt);
  json unknown = json::parse(table.valid);
  unknown["no_such_field"] = 1;
  EXPECT_TRUE(refused([&] { table.parse(unknown.dump()); }));
  for (const Field& field : table.fields) {
    SCOPED_TRACE(std::string(field.name));
    for (const Case& one : cases_of(field)) expect_case(table, field, one);
    json without = json::parse(table.valid);
    without.erase(std::string(field.name));
    EXPECT_EQ(refused([&] { check_fields(without, table.fields); }).has_value(), field.required);
  }
}

}  // namespace hearth
