# The client library as others use it: libraftmq (shared and static), its headers, a CMake package
# and a pkg-config file. `cmake --install BUILD --component client --prefix PREFIX`.
#
# The package names its private libraries by link name only. It must not find_dependency(CapnProto):
# that configuration needs the C compiler and fails in a project of C++ alone.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(client_boxes raftmq_types raftmq_wire_schema raftmq_wire raftmq_net raftmq_client_core raftmq_producer raftmq_consumer)
list(TRANSFORM client_boxes REPLACE "(.+)" "$<TARGET_OBJECTS:\\1>" OUTPUT_VARIABLE client_objects)
set(client_private capnp kj uv xxhash zstd lz4 fmt)

foreach(kind SHARED STATIC)
  string(TOLOWER raftmq_${kind} target)
  add_library(${target} ${kind} ${client_objects})
  set_target_properties(${target} PROPERTIES OUTPUT_NAME raftmq LINKER_LANGUAGE CXX
    VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR})
  target_link_libraries(${target} PRIVATE $<BUILD_INTERFACE:raftmq_options> CapnProto::capnp PkgConfig::libuv
    PkgConfig::xxhash PkgConfig::zstd PkgConfig::lz4 fmt::fmt Threads::Threads)
endforeach()

install(TARGETS raftmq_shared raftmq_static
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT client
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT client)
foreach(folder protocol/types protocol/client producer consumer)
  install(DIRECTORY ${CMAKE_SOURCE_DIR}/${folder}/include/raftmq DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT client)
endforeach()

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/raftmq)
set(generated ${CMAKE_BINARY_DIR}/install)
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/raftmqConfig.cmake.in ${generated}/raftmqConfig.cmake
  INSTALL_DESTINATION ${package_dir} PATH_VARS CMAKE_INSTALL_INCLUDEDIR CMAKE_INSTALL_LIBDIR)
write_basic_package_version_file(${generated}/raftmqConfigVersion.cmake COMPATIBILITY SameMajorVersion)
install(FILES ${generated}/raftmqConfig.cmake ${generated}/raftmqConfigVersion.cmake
  DESTINATION ${package_dir} COMPONENT client)

list(TRANSFORM client_private PREPEND "-l" OUTPUT_VARIABLE client_private_flags)
list(JOIN client_private_flags " " client_private_flags)
# The prefix is that of the file's own place, so that an installed tree may be moved.
file(RELATIVE_PATH prefix_from_pc /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
configure_file(${CMAKE_CURRENT_LIST_DIR}/raftmq.pc.in ${generated}/raftmq.pc @ONLY)
install(FILES ${generated}/raftmq.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT client)

# The programs: `cmake --install BUILD --component programs --prefix PREFIX`.
install(TARGETS raftmq raftmqd RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT programs)
