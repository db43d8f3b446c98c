#include "api/boundary_table.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/error.h"

namespace hearth {
namespace {

class BoundaryTable {
 public:
  // `good` passes the table and holds every field that has members.
  BoundaryTable(std::span<const Field> table, nlohmann::json good)
      : table_(table), good_(std::move(good)) {}

  void check() {
    EXPECT_EQ(refusal(good_), std::nullopt);
    for (const Field& field : table_) {
      SCOPED_TRACE(std::string(field.name));
      field_ = &field;
      if (field.required) expect_refused(nullptr, "is missing");
      if (field.served == Field::Served::kNotServed) {
        check_unserved();
        continue;
      }
      check_types();
      if (field.types & (kFieldInteger | kFieldNumber)) check_numbers();
      // The limits of a number are not meant for a text beside it.
      const bool number = field.types & (kFieldInteger | kFieldNumber);
      if ((field.types & kFieldString) && !number) check_strings();
      if (field.types & kFieldArray) check_arrays();
      if (!field.members.empty()) check_members();
    }
    nlohmann::json unknown = good_;
    unknown["no_such_field"] = 1;
    EXPECT_EQ(refusal(unknown), "unknown field 'no_such_field': leave it out");
  }

  std::size_t checks() const { return checks_; }

 private:
  using Json = nlohmann::json;

  std::optional<std::string> refusal(const Json& body) {
    ++checks_;
    try {
      check_fields(body, table_);
      return std::nullopt;
    } catch (const FieldError& error) {
      if (field_ && body.contains(field_->name) && !body.contains("no_such_field")) {
        EXPECT_EQ(error.field(), field_->name);
      }
      return error.message();
    }
  }
  Json with(Json value) const {
    Json body = good_;
    body[std::string(field_->name)] = std::move(value);
    return body;
  }
  void expect_passes(Json value) { EXPECT_EQ(refusal(with(std::move(value))), std::nullopt); }
  void expect_refused(Json value, const std::string& says) {
    const std::optional<std::string> message = refusal(with(std::move(value)));
    ASSERT_TRUE(message) << "passes";
    EXPECT_EQ(message->find(field_->name), 0U) << *message;
    EXPECT_NE(message->find(says), std::string::npos) << *message;
  }

  void check_unserved() {
    const std::vector<Json> values = {"something", 7, true, {{"some", "thing"}}, {"something", 8}};
    for (const Json& value : values) expect_refused(value, "is not served yet: leave it out");
    if (!field_->required) expect_passes(nullptr);
  }

  void check_types() {
    const std::pair<std::uint32_t, Json> samples[] = {
        {kFieldString, "x"},   {kFieldInteger | kFieldNumber, 1}, {kFieldNumber, 0.5},
        {kFieldBoolean, true}, {kFieldObject, Json::object()},    {kFieldArray, Json::array()}};
    for (const auto& [types, value] : samples) {
      if (!(field_->types & types)) expect_refused(value, ", must be ");
    }
    if (field_->types & kFieldBoolean) expect_passes(false);
    if (!field_->required) expect_passes(nullptr);
  }

  static Json whole(double value) {
    if (value < 0) return static_cast<std::int64_t>(value);
    return static_cast<std::uint64_t>(value);
  }
  void check_numbers() {
    const double step = 1;
    const bool integer = !(field_->types & kFieldNumber);
    expect_passes(integer ? whole(field_->min) : Json(field_->min));
    expect_passes(integer ? whole(field_->max) : Json(field_->max));
    expect_refused(field_->min >= -0x1p53 ? Json(field_->min - step) : Json(-0x1p64), "must be");
    if (field_->max <= 0x1p53) expect_refused(field_->max + step, "must be");
    if (integer) expect_refused(whole(field_->max).get<std::uint64_t>() + 1, "must be an integer");
    if (!integer) expect_refused(std::nextafter(field_->max, 1e300), "a number");
    expect_refused(1e300, "must be");
  }

  void check_strings() {
    const auto min = static_cast<std::size_t>(field_->min);
    const auto max = static_cast<std::size_t>(field_->max);
    expect_passes(std::string(min, 'a'));
    expect_passes(std::string(max, 'a'));
    expect_refused(std::string(max + 1, 'a'), "bytes");
    if (min > 0) expect_refused(std::string(min - 1, 'a'), "bytes");
  }

  // More members than a body may have values (kValuesMax) cannot come.
  void check_arrays() {
    const auto min = static_cast<std::size_t>(field_->min);
    const auto max = static_cast<std::size_t>(field_->max);
    const Json& sample = good_.value(std::string(field_->name), Json::array({"x"}));
    const Json element = sample.is_array() && !sample.empty() ? sample[0] : Json("x");
    if (min > 0) expect_refused(Json::array(), "members");
    if (min == 0) expect_passes(Json::array());
    if (max >= kValuesMax) return;
    expect_passes(Json(max, element));
    expect_refused(Json(max + 1, element), "members");
  }

  void check_members() {
    const Json& sample = good_[std::string(field_->name)];
    const bool list = sample.is_array();
    BoundaryTable members(field_->members, list ? sample[0] : sample);
    members.check();
    checks_ += members.checks();
    const Json bad = {{"no_such_field", 1}};
    const std::string path = std::string(field_->name) + (list ? "[0]" : "");
    const Field* field = std::exchange(field_, nullptr);
    Json body = good_;
    body[std::string(field->name)] = list ? Json::array({bad}) : bad;
    const std::optional<std::string> message = refusal(body);
    ASSERT_TRUE(message);
    const bool named = message->find(path) != std::string::npos;
    EXPECT_TRUE(named) << *message;
    field_ = field;
  }

  std::span<const Field> table_;
  Json good_;
  const Field* field_ = nullptr;  // that is being changed
  std::size_t checks_ = 0;
};

}  // namespace

std::size_t check_boundaries(std::span<const Field> table, std::string_view good) {
  BoundaryTable boundaries(table, nlohmann::json::parse(good));
  boundaries.check();
  return boundaries.checks();
}

}  // namespace hearth
