#include "cli/message_format.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace raftmq::cli {
namespace {

using nlohmann::json;

constexpr std::string_view kVerbs = "tpokvTh";

bool IsUtf8(std::string_view text) {
  try {
    (void)json(text).dump();  // The library validates while it writes.
    return true;
  } catch (const json::exception&) {
    return false;
  }
}

std::string Base64(std::string_view bytes) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      group = group << 8 | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0u);
    }
    for (std::size_t j = 0; j < 4; ++j)
      text += i + j > bytes.size() ? '=' : kDigits[group >> (18 - 6 * j) & 63];
  }
  return text;
}

void PutBytes(json& object, const std::string& name, std::optional<std::string_view> bytes) {
  if (!bytes) {
    object[name] = nullptr;
  } else if (IsUtf8(*bytes)) {
    object[name] = *bytes;
  } else {
    object[name + "_base64"] = Base64(*bytes);
  }
}

void AppendVerb(char verb, std::string_view topic, const MessageView& message, std::string* to) {
  switch (verb) {
    case 't':
      to->append(topic);
      break;
    case 'p':
      to->append(std::to_string(message.partition));
      break;
    case 'o':
      to->append(std::to_string(message.offset));
      break;
    case 'k':
      to->append(message.key.value_or(""));
      break;
    case 'v':
      to->append(message.value.value_or(""));
      break;
    case 'T':
      to->append(std::to_string(message.timestamp_ms));
      break;
    default:
      for (std::size_t i = 0; i < message.headers.size(); ++i) {
        to->append(i == 0 ? "" : ",")
            .append(message.headers[i].first)
            .append("=")
            .append(message.headers[i].second.value_or(""));
      }
  }
}

Result<char> Unescape(char c) {
  switch (c) {
    case 'n':
      return '\n';
    case 't':
      return '\t';
    case 'r':
      return '\r';
    case '0':
      return '\0';
    case '\\':
      return '\\';
    default:
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("expected \\n, \\t, \\r, \\0 or \\\\, found '\\{}'", c));
  }
}

}  // namespace

Result<MessageTemplate> MessageTemplate::Parse(std::string_view text) {
  MessageTemplate parsed;
  std::string literal;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c != '%' && c != '\\') {
      literal += c;
      continue;
    }
    if (++i == text.size())
      return Fail(ErrorCode::kInvalidArgument, fmt::format("the format ends in a single '{}'", c));
    if (c == '\\') {
      RAFTMQ_TRY_ASSIGN(const char plain, Unescape(text[i]));
      literal += plain;
    } else if (text[i] == '%') {
      literal += '%';
    } else if (kVerbs.find(text[i]) != std::string_view::npos) {
      parsed.pieces_.push_back({0, std::move(literal)});
      literal.clear();
      parsed.pieces_.push_back({text[i], ""});
    } else {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("expected one of %t %p %o %k %v %T %h %%, found '%{}'", text[i]));
    }
  }
  parsed.pieces_.push_back({0, std::move(literal)});
  return parsed;
}

void MessageTemplate::Append(std::string_view topic, const MessageView& message,
                             std::string* to) const {
  for (const auto& piece : pieces_) {
    if (piece.verb == 0) {
      to->append(piece.literal);
    } else {
      AppendVerb(piece.verb, topic, message, to);
    }
  }
}

void AppendJson(std::string_view topic, const MessageView& message, std::string* to) {
  json object{{"topic", topic},
              {"partition", message.partition},
              {"offset", message.offset},
              {"timestamp_ms", message.timestamp_ms}};
  PutBytes(object, "key", message.key);
  PutBytes(object, "value", message.value);
  json headers = json::array();
  for (const auto& [name, value] : message.headers) {
    json header;
    PutBytes(header, "name", name);
    PutBytes(header, "value", value);
    headers.push_back(std::move(header));
  }
  object["headers"] = std::move(headers);
  to->append(object.dump()).push_back('\n');
}

}  // namespace raftmq::cli
