# SPDX-License-Identifier: Apache-2.0
#
# The ROS 2 wheels' exported targets name include directories of the machine that built them
# (/opt/python/...), and CMake refuses a target whose include directory is missing. Given as
# CMAKE_PROJECT_TOP_LEVEL_INCLUDES, this file drops those that do not exist here, once every
# find_package() has run. Nothing that is installed is changed.

function(drop_missing_include_dirs)
  get_property(targets DIRECTORY PROPERTY IMPORTED_TARGETS)
  foreach(target IN LISTS targets)
    get_target_property(dirs ${target} INTERFACE_INCLUDE_DIRECTORIES)
    set(kept "")
    foreach(dir IN LISTS dirs)
      if(EXISTS "${dir}" OR NOT dir MATCHES "^/opt/python/")
        list(APPEND kept "${dir}")
      endif()
    endforeach()
    if(dirs)
      set_target_properties(${target} PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${kept}")
    endif()
  endforeach()
endfunction()

cmake_language(DEFER CALL drop_missing_include_dirs)
