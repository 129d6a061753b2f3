# Debian packages by CPack: cpack --config BUILD/CPackConfig.cmake, or ./dev package.
#
#   zephyr-security          the server: binary, unit, init script, settings, user
#   libzephyr-security0      libzephyr.so.0, for programs that embed Zephyr; one package per soname, so that two may stand side by side
#   libzephyr-security-dev   headers, libzephyr.so, CMake and pkg-config files
#
# Not "zephyr" and "libzephyr-dev": Debian has a libzephyr-dev (Project Athena's notification service) with a higher version, which apt
# would take for a newer one of ours. Both have /usr/include/zephyr/zephyr.h, so they exclude each other.
# The server does not use libzephyr.so: a package of a program of yours can hold the library at one version while the server moves on.
if(NOT ZEPHYR_SHARED)
  return()
endif()

# Files of a service, for packages alone: a plain `cmake --install` starts nothing.
set(files ${PROJECT_SOURCE_DIR}/packaging)
function(zephyr_package_file file folder)
  install(FILES ${files}/${file} DESTINATION ${folder} COMPONENT server EXCLUDE_FROM_ALL ${ARGN})
endfunction()
zephyr_package_file(zephyr.toml /etc/zephyr)
zephyr_package_file(zephyr.service /lib/systemd/system)
zephyr_package_file(zephyr.init /etc/init.d RENAME zephyr
  PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
zephyr_package_file(zephyr.logrotate /etc/logrotate.d RENAME zephyr)
set(made ${CMAKE_CURRENT_BINARY_DIR}/package)
file(MAKE_DIRECTORY ${made})
execute_process(COMMAND gzip -9 -n -c ${PROJECT_SOURCE_DIR}/CHANGELOG.md OUTPUT_FILE ${made}/changelog.gz COMMAND_ERROR_IS_FATAL ANY)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS CHANGELOG.md)
foreach(package server:zephyr-security library:libzephyr-security0 development:libzephyr-security-dev)
  string(REGEX MATCH "^(.*):(.*)$" unused ${package})
  install(FILES ${files}/copyright ${made}/changelog.gz DESTINATION /usr/share/doc/${CMAKE_MATCH_2} COMPONENT ${CMAKE_MATCH_1}
    EXCLUDE_FROM_ALL)
endforeach()
install(DIRECTORY docs/guides docs/reference DESTINATION /usr/share/doc/zephyr-security COMPONENT server EXCLUDE_FROM_ALL
  FILES_MATCHING PATTERN "*.md")

file(WRITE ${made}/conffiles "/etc/zephyr/zephyr.toml\n/etc/init.d/zephyr\n/etc/logrotate.d/zephyr\n")
file(WRITE ${made}/shlibs "libzephyr 0 libzephyr-security0 (>= ${PROJECT_VERSION})\n")

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME zephyr-security)
set(CPACK_PACKAGE_VENDOR "Zephyr Security")
set(CPACK_PACKAGE_CONTACT "Zephyr Security maintainers <maintainers@zephyr.invalid>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "sign-in, sessions, second factors and an audit trail for services")
set(CPACK_STRIP_FILES ON)
# Some files have absolute places, /etc among them.
set(CPACK_SET_DESTDIR ON)
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_COMPONENTS_ALL server library development)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_ENABLE_COMPONENT_DEPENDS OFF)

set(CPACK_DEBIAN_SERVER_PACKAGE_NAME zephyr-security)
set(CPACK_DEBIAN_SERVER_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_SERVER_PACKAGE_DEPENDS "adduser, init-system-helpers (>= 1.54), sysvinit-utils (>= 3.05) | lsb-base")
set(CPACK_DEBIAN_SERVER_PACKAGE_RECOMMENDS "ca-certificates")
set(CPACK_DEBIAN_SERVER_PACKAGE_SUGGESTS "postgresql, redis-server, logrotate")
set(CPACK_DEBIAN_SERVER_PACKAGE_CONTROL_EXTRA "${files}/postinst;${files}/prerm;${files}/postrm;${made}/conffiles")
set(CPACK_COMPONENT_SERVER_DESCRIPTION "The server: accounts, sign-in, second factors, sessions, tokens,
 roles and an audit trail, over SQLite or PostgreSQL. It begins on
 127.0.0.1:8080; /etc/zephyr/zephyr.toml has the settings.")

set(CPACK_DEBIAN_LIBRARY_PACKAGE_NAME libzephyr-security0)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_CONTROL_EXTRA "${made}/shlibs;${files}/triggers")
set(CPACK_COMPONENT_LIBRARY_DESCRIPTION "The library, for C++ programs that embed Zephyr.")

set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libzephyr-security-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SHLIBDEPS OFF)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS "libzephyr-security0 (= ${PROJECT_VERSION})")
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_CONFLICTS libzephyr-dev)
set(CPACK_COMPONENT_DEVELOPMENT_DESCRIPTION "Headers (C++20), find_package(zephyr) and pkg-config files
 of libzephyr-security0.")
include(CPack)
