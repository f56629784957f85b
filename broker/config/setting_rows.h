// How rows of the setting table are made: one function per kind of value, each taking where the
// value lives as two member pointers. Used by setting_table.cc only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/config/setting_table.h"
#include "broker/config/value_text.h"

namespace raftmq::setting_rows {

// The words of a row.
struct Words {
  std::string key;
  std::string help;
  std::string flag = {};
};

template <class T>
struct Range {
  T min;
  T max;
};

// Where a value lives.
template <class Section, class T>
struct Place {
  Section BrokerSettings::*section;
  T Section::*field;
  T& In(BrokerSettings& settings) const { return settings.*section.*field; }
  const T& In(const BrokerSettings& settings) const { return settings.*section.*field; }
};

// A row whose values are read by `parse(text) -> Result<T>` and written by `format(value)`.
template <class Section, class T, class Parse, class Format>
Setting Row(Words words, SettingKind kind, std::string range, Place<Section, T> place, Parse parse,
            Format format) {
  return {.key = std::move(words.key),
          .flag = std::move(words.flag),
          .kind = kind,
          .range = std::move(range),
          .help = std::move(words.help),
          .set = [place, parse](BrokerSettings& settings, std::string_view text) -> Status {
            RAFTMQ_TRY_ASSIGN(place.In(settings), parse(text));
            return Ok();
          },
          .get = [place, format](const BrokerSettings& settings) -> std::string {
            return format(place.In(settings));
          }};
}

template <class Section>
Setting Boolean(Words words, Section BrokerSettings::*section, bool Section::*field) {
  return Row(std::move(words), SettingKind::kBoolean, "", Place<Section, bool>{section, field},
             ParseBoolean, [](bool value) -> std::string { return value ? "true" : "false"; });
}

// Any text that `check` accepts.
template <class Section>
Setting Text(Words words, Section BrokerSettings::*section, std::string Section::*field,
             std::string range, Result<std::string> (*check)(std::string_view)) {
  return Row(std::move(words), SettingKind::kText, std::move(range),
             Place<Section, std::string>{section, field}, check,
             [](const std::string& value) { return value; });
}

template <class Section>
Setting Integer(Words words, Section BrokerSettings::*section, std::uint32_t Section::*field,
                Range<std::uint32_t> range) {
  return Row(
      std::move(words), SettingKind::kInteger,
      std::to_string(range.min) + " to " + std::to_string(range.max),
      Place<Section, std::uint32_t>{section, field},
      [range](std::string_view text) { return ParseInteger(text, range.min, range.max); },
      [](std::uint32_t value) { return std::to_string(value); });
}

template <class Section>
Setting Size(Words words, Section BrokerSettings::*section, std::uint64_t Section::*field,
             Range<std::uint64_t> range) {
  return Row(
      std::move(words), SettingKind::kSize,
      FormatBytes(range.min) + " to " + FormatBytes(range.max),
      Place<Section, std::uint64_t>{section, field},
      [range](std::string_view text) { return ParseSize(text, range.min, range.max); },
      [](std::uint64_t value) { return FormatBytes(value); });
}

template <class Section>
Setting Duration(Words words, Section BrokerSettings::*section, Milliseconds Section::*field,
                 Range<Milliseconds> range) {
  return Row(
      std::move(words), SettingKind::kDuration,
      FormatDuration(range.min) + " to " + FormatDuration(range.max),
      Place<Section, Milliseconds>{section, field},
      [range](std::string_view text) { return ParseTime(text, range.min, range.max); },
      [](Milliseconds value) { return FormatDuration(value); });
}

// `may_be_empty`: "" is a value and means "not set".
template <class Section>
Setting ListenAddress(Words words, Section BrokerSettings::*section, Address Section::*field,
                      bool may_be_empty) {
  return Row(
      std::move(words), SettingKind::kAddress, may_be_empty ? "HOST:PORT or empty" : "HOST:PORT",
      Place<Section, Address>{section, field},
      [may_be_empty](std::string_view text) -> Result<Address> {
        if (text.empty() && may_be_empty) return Address{};
        return ParseListenAddress(text);
      },
      FormatAddress);
}

// One name out of a list; the position in the list is the enumerator's value.
template <class Section, class Enum>
Setting Choice(Words words, Section BrokerSettings::*section, Enum Section::*field,
               std::vector<std::string_view> names) {
  return Row(
      std::move(words), SettingKind::kChoice, JoinChoices(names),
      Place<Section, Enum>{section, field},
      [names](std::string_view text) -> Result<Enum> {
        RAFTMQ_TRY_ASSIGN(const std::size_t at, ParseChoice(text, names));
        return static_cast<Enum>(at);
      },
      [names](Enum value) { return std::string(names[static_cast<std::size_t>(value)]); });
}

}  // namespace raftmq::setting_rows
