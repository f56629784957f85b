# How every target of the project is compiled, and the function that declares one library per box.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
# libraftmq.so shows what raftmq/export.h marks, and nothing else.
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()
# Release is -O2 (-O3 with -Werror meets a false -Wrestrict in g++ 12) and never defines NDEBUG.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1")
set(CMAKE_C_FLAGS_RELEASE "-O2 -g1")
set(CMAKE_CXX_FLAGS_DEBUG "-O1 -g1")
set(CMAKE_C_FLAGS_DEBUG "-O1 -g1")

find_program(RAFTMQ_CCACHE ccache)
if(RAFTMQ_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 CCACHE_INODECACHE=1
    CCACHE_SLOPPINESS=pch_defines,time_macros ${RAFTMQ_CCACHE})
endif()

add_library(raftmq_options INTERFACE)
target_compile_options(raftmq_options INTERFACE -Wall -Wextra -Wconversion -Wshadow -Werror
  -Wno-missing-field-initializers  # A designated initializer leaves the rest at its default on purpose.
  -fstack-protector-strong)
if(CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT RAFTMQ_SANITIZE)
  # A target that sets RAFTMQ_OPTIMISED to OFF goes without: fortified functions need an optimiser.
  target_compile_options(raftmq_options INTERFACE
    $<$<NOT:$<STREQUAL:$<TARGET_PROPERTY:RAFTMQ_OPTIMISED>,OFF>>:-D_FORTIFY_SOURCE=2>)
endif()
target_link_options(raftmq_options INTERFACE -Wl,-z,relro -Wl,-z,now)
if(RAFTMQ_SANITIZE)
  add_compile_options(-fsanitize=${RAFTMQ_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${RAFTMQ_SANITIZE})
endif()

if(RAFTMQ_BUILD_FUZZERS)
  # Every library is watched for coverage; tests/fuzz links libFuzzer itself.
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# What nearly every source includes, parsed once. It only saves time: presets without it show that
# each source still includes what it uses.
set(RAFTMQ_PRECOMPILED_HEADERS <fmt/format.h>
  <algorithm> <array> <chrono> <cstdint> <cstring> <deque> <functional> <map> <memory>
  <optional> <set> <span> <string> <string_view> <utility> <variant> <vector>)
if(RAFTMQ_PRECOMPILE)
  file(CONFIGURE OUTPUT precompiled.cc CONTENT "")
  add_library(raftmq_library_precompiled OBJECT ${CMAKE_CURRENT_BINARY_DIR}/precompiled.cc)
  target_link_libraries(raftmq_library_precompiled PRIVATE raftmq_options fmt::fmt)
  target_precompile_headers(raftmq_library_precompiled PRIVATE ${RAFTMQ_PRECOMPILED_HEADERS})
endif()

# raftmq_add_library(NAME SOURCES file... [PUBLIC lib...] [PRIVATE lib...])
# An empty SOURCES makes an interface library, for a box that is headers only.
function(raftmq_add_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  if(arg_SOURCES)
    add_library(${name} STATIC ${arg_SOURCES})
    target_include_directories(${name} PUBLIC $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}>)
    target_link_libraries(${name} PUBLIC ${arg_PUBLIC} PRIVATE $<BUILD_INTERFACE:raftmq_options> ${arg_PRIVATE})
    if(RAFTMQ_PRECOMPILE)
      target_precompile_headers(${name} REUSE_FROM raftmq_library_precompiled)
    endif()
  else()
    add_library(${name} INTERFACE)
    target_include_directories(${name} INTERFACE $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}>)
    target_link_libraries(${name} INTERFACE ${arg_PUBLIC})
  endif()
endfunction()
