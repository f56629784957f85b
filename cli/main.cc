#include "cli/command_line.h"
#include "cli/interrupt.h"

int main(int argc, char** argv) {
  raftmq::cli::InstallSignalHandlers();
  return raftmq::cli::RunCommandLine(argc, argv);
}
