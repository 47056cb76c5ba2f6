# The library's manual, of the public headers: pages of section 3, and HTML where doxygen is there. Target `docs`; what is installed is
# built with everything else.
set(RT_BUILD_DOCS AUTO CACHE STRING "HTML of the library's manual: AUTO (if doxygen is installed), ON or OFF")
set_property(CACHE RT_BUILD_DOCS PROPERTY STRINGS AUTO ON OFF)
set(rt_html OFF)
if(RT_BUILD_DOCS)
    find_program(RT_DOXYGEN doxygen)
    if(RT_DOXYGEN)
        set(rt_html ON)
    elseif(NOT RT_BUILD_DOCS STREQUAL "AUTO")
        message(FATAL_ERROR "RT_BUILD_DOCS=${RT_BUILD_DOCS}: doxygen is not installed. AUTO builds without it.")
    endif()
endif()

file(GLOB_RECURSE inputs CONFIGURE_DEPENDS include/*.h include/*.def docs/*.md tools/manual/*)
set(rt_manual ${PROJECT_BINARY_DIR}/manual)
add_custom_command(OUTPUT ${rt_manual}/made VERBATIM DEPENDS ${inputs} README.md CONTRIBUTING.md tools/manual/make
    COMMAND tools/manual/make ${PROJECT_VERSION} ${rt_manual} $<$<BOOL:${rt_html}>:${RT_DOXYGEN}>
    COMMAND ${CMAKE_COMMAND} -E touch ${rt_manual}/made
    WORKING_DIRECTORY ${PROJECT_SOURCE_DIR} COMMAND_EXPAND_LISTS)
set(all)
if(RT_INSTALL)
    set(all ALL)
endif()
add_custom_target(docs ${all} DEPENDS ${rt_manual}/made)
