# What `cmake --install` puts where: the binary, and the whole library as one shared object with the public headers. A program that embeds
# Zephyr needs these alone: everything third-party is linked in or named by libzephyr.so itself.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

install(TARGETS zephyr RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT server)

# One shared object, from the objects the rooms have anyway; so only where those are position-independent: release builds.
option(ZEPHYR_SHARED "Build and install libzephyr.so" ${CMAKE_POSITION_INDEPENDENT_CODE})
if(ZEPHYR_SHARED)
  set(objects "")
  set(links "")
  foreach(target IN LISTS zephyr_rooms)
    get_target_property(type ${target} TYPE)
    if(type STREQUAL "STATIC_LIBRARY")
      list(APPEND objects $<TARGET_OBJECTS:${target}>)
    endif()
    string(REPLACE "zephyr_" "" room ${target})
    list(APPEND links ${zephyr_links_${room}})
  endforeach()
  list(REMOVE_DUPLICATES links)
  add_library(zephyr_shared SHARED ${objects})
  target_link_libraries(zephyr_shared PRIVATE ${links})
  target_link_options(zephyr_shared PRIVATE -Wl,-z,defs -Wl,--version-script=${PROJECT_SOURCE_DIR}/cmake/libzephyr.map)
  target_include_directories(zephyr_shared INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_compile_features(zephyr_shared INTERFACE cxx_std_20)
  set_target_properties(zephyr_shared PROPERTIES OUTPUT_NAME zephyr EXPORT_NAME zephyr VERSION ${PROJECT_VERSION} SOVERSION 0
    LINKER_LANGUAGE CXX LINK_DEPENDS ${PROJECT_SOURCE_DIR}/cmake/libzephyr.map)

  install(TARGETS zephyr_shared EXPORT zephyr-targets
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT library NAMELINK_COMPONENT development)
  install(DIRECTORY include/zephyr DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development FILES_MATCHING PATTERN "*.h")

  set(folder ${CMAKE_INSTALL_LIBDIR}/cmake/zephyr)
  install(EXPORT zephyr-targets NAMESPACE zephyr:: DESTINATION ${folder} COMPONENT development)
  configure_package_config_file(cmake/zephyr-config.cmake.in zephyr-config.cmake INSTALL_DESTINATION ${folder})
  # Before 1.0 a minor version may change what programs see.
  write_basic_package_version_file(zephyr-config-version.cmake COMPATIBILITY SameMinorVersion)
  # Found from where the file lies, so that the tree may be moved.
  file(RELATIVE_PATH zephyr_prefix_from_pc /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
  configure_file(cmake/zephyr.pc.in zephyr.pc @ONLY)
  install(FILES ${CMAKE_CURRENT_BINARY_DIR}/zephyr-config.cmake ${CMAKE_CURRENT_BINARY_DIR}/zephyr-config-version.cmake
    DESTINATION ${folder} COMPONENT development)
  install(FILES ${CMAKE_CURRENT_BINARY_DIR}/zephyr.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT development)
endif()

include(cmake/package.cmake)
