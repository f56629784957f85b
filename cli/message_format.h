// How `consume` prints a message: value and newline, a template, or JSON.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "raftmq/message.h"
#include "raftmq/result.h"

namespace raftmq::cli {

// A parsed template: %t topic, %p partition, %o offset, %k key, %v value, %T timestamp in ms, %h
// headers,
// %% a percent sign; \n, \t, \r, \0 and \\ as in C. Immutable.
class MessageTemplate {
 public:
  static Result<MessageTemplate> Parse(std::string_view text);
  void Append(std::string_view topic, const MessageView& message, std::string* to) const;

 private:
  struct Piece {
    char verb = 0;  // 0 = literal.
    std::string literal;
  };
  std::vector<Piece> pieces_;
};

// One JSON object and a newline. Null is null; what is not UTF-8 goes to key_base64 or
// value_base64.
void AppendJson(std::string_view topic, const MessageView& message, std::string* to);

}  // namespace raftmq::cli
