// The words of the command line: parsed, then handed to the verb.
#pragma once

namespace raftmq::cli {

// Parses and runs; returns the exit code. Usage errors explain themselves on stderr and give 2.
int RunCommandLine(int argc, char** argv);

}  // namespace raftmq::cli
