# What cmake --install copies: the programs, the library with what finds it (pkg-config, CMake), and the documents. The prefix may be
# moved afterwards: whatever looks for another file of it looks relative to where it is itself.
include(CMakePackageConfigHelpers)
set(package ${CMAKE_INSTALL_LIBDIR}/cmake/ringtorch)
set(pkgconfig ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

# ---- the programs ----

if(RT_BUILD_PROGRAMS)
    install(TARGETS ringtorch-command ringtorch-worker ringtorch-coordinator COMPONENT programs)
    # The programs look for it in ../lib/ringtorch, whatever the folder of libraries is called.
    install(TARGETS ringtorch-listen LIBRARY DESTINATION ${CMAKE_INSTALL_BINDIR}/../lib/ringtorch COMPONENT programs)
    install(DIRECTORY configs DESTINATION ${CMAKE_INSTALL_DATADIR}/ringtorch COMPONENT programs)
    install(DIRECTORY launch/slurm launch/pbs launch/sge DESTINATION ${CMAKE_INSTALL_DATADIR}/ringtorch/launch
        USE_SOURCE_PERMISSIONS COMPONENT programs) # scripts for batch systems
    install(DIRECTORY docs DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT programs)
    install(FILES README.md DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT programs)

    # A page for each command and program, of what their --help says: they must run here.
    if(CMAKE_CROSSCOMPILING AND NOT CMAKE_CROSSCOMPILING_EMULATOR)
        message(STATUS "Manual pages are left out: programs of another system write them. CMAKE_CROSSCOMPILING_EMULATOR may name what runs them.")
    else()
        set(man ${PROJECT_BINARY_DIR}/man/man1)
        add_custom_command(OUTPUT ${man}/ringtorch.1
            COMMAND ${PROJECT_SOURCE_DIR}/tools/make_man $<TARGET_FILE_DIR:ringtorch-command> ${man} ${CMAKE_CROSSCOMPILING_EMULATOR}
            DEPENDS tools/make_man ringtorch-command ringtorch-worker ringtorch-coordinator VERBATIM)
        add_custom_target(ringtorch-man ALL DEPENDS ${man}/ringtorch.1)
        install(DIRECTORY ${man} DESTINATION ${CMAKE_INSTALL_MANDIR} COMPONENT programs)
    endif()
    install(FILES tools/completion/ringtorch.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions
        RENAME ringtorch COMPONENT programs)
    install(FILES tools/completion/_ringtorch DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions COMPONENT programs)
endif()

# ---- the libraries ----

install(DIRECTORY include/ringtorch DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development)
install(FILES examples/mnist_mlp.c examples/xor.cpp DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples COMPONENT development)
install(DIRECTORY examples/plugin examples/program DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples COMPONENT development PATTERN "*.so" EXCLUDE)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT library)
install(DIRECTORY ${rt_manual}/man3 DESTINATION ${CMAKE_INSTALL_MANDIR} COMPONENT development)
if(rt_html)
    install(DIRECTORY ${rt_manual}/html DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT doc)
endif()
# rt_install_library(TARGET EXPORT NAME COMPONENT DEVELOPMENT): what CMake finds as ringtorch::NAME
function(rt_install_library target export name component development)
    set_target_properties(${target} PROPERTIES EXPORT_NAME ${name})
    install(TARGETS ${target} EXPORT ${export}
        LIBRARY COMPONENT ${component} NAMELINK_COMPONENT ${development}
        ARCHIVE COMPONENT ${development})
    install(EXPORT ${export} NAMESPACE ringtorch:: DESTINATION ${package} COMPONENT ${development})
endfunction()

# rt_install_kinds(TARGET EXPORT SHARED_NAME STATIC_NAME COMPONENT DEVELOPMENT)
function(rt_install_kinds target export shared static component development)
    foreach(kind ${target} ${target}_static)
        if(TARGET ${kind})
            get_target_property(type ${kind} TYPE)
            if(type STREQUAL "STATIC_LIBRARY")
                rt_install_library(${kind} ${export}Static ${static} ${component} ${development})
            else()
                rt_install_library(${kind} ${export}Shared ${shared} ${component} ${development})
            endif()
        endif()
    endforeach()
endfunction()
rt_install_kinds(ringtorch ringtorch ringtorch static library development)
if(RT_WITH_MPI)
    rt_install_kinds(ringtorch_worker ringtorchWorker worker worker_static worker workerdevelopment)
endif()

# What a static library needs. CMake makes targets of pkg-config's modules as our own build does. pkg-config gets flags: were they
# modules, in Requires.private, it would not find ringtorch on a machine that lacks one of them, shared library or not.
function(rt_describe_needs modules_to libs_to) # and the needs
    set(modules)
    set(private_libs)
    foreach(need IN LISTS ARGN)
        if(need MATCHES "^PkgConfig::(.+)")
            list(APPEND modules ${CMAKE_MATCH_1}=${${CMAKE_MATCH_1}_MODULE_NAME})
            list(APPEND private_libs ${${CMAKE_MATCH_1}_LDFLAGS})
        else()
            list(APPEND private_libs ${need})
        endif()
    endforeach()
    list(TRANSFORM CMAKE_C_IMPLICIT_LINK_DIRECTORIES PREPEND -L OUTPUT_VARIABLE searched_anyway)
    list(REMOVE_ITEM private_libs ${searched_anyway})
    list(JOIN modules " " modules)
    list(JOIN private_libs " " private_libs)
    set(${modules_to} ${modules} PARENT_SCOPE)
    set(${libs_to} ${private_libs} PARENT_SCOPE)
endfunction()
get_property(needs GLOBAL PROPERTY rt_library_needs)
get_property(worker_needs GLOBAL PROPERTY rt_workerlibrary_needs)
rt_describe_needs(modules private_libs ${needs})
rt_describe_needs(worker_modules worker_private_libs ${needs} ${worker_needs})
# Relative to the .pc file, so that the prefix may be moved, unless a packager gives absolute folders.
set(pc_prefix ${CMAKE_INSTALL_PREFIX})
if(NOT IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}")
    file(RELATIVE_PATH to_prefix /prefix/${pkgconfig} /prefix)
    string(REGEX REPLACE "/$" "" to_prefix ${to_prefix})
    set(pc_prefix "\${pcfiledir}/${to_prefix}")
endif()
foreach(folder LIBDIR INCLUDEDIR)
    set(pc_${folder} "\${prefix}/${CMAKE_INSTALL_${folder}}")
    if(IS_ABSOLUTE "${CMAKE_INSTALL_${folder}}")
        set(pc_${folder} ${CMAKE_INSTALL_${folder}})
    endif()
endforeach()
# pkg-config splits what it prints into words.
foreach(value pc_prefix pc_LIBDIR pc_INCLUDEDIR)
    string(REPLACE " " "\\ " ${value} "${${value}}")
endforeach()
# rt_install_pc(NAME LIBS DEVELOPMENT DESCRIPTION)
function(rt_install_pc name private_libs development description)
    set(public_libs)
    if(rt_kinds STREQUAL "STATIC") # then everybody needs them
        set(public_libs " ${private_libs}")
    endif()
    configure_file(cmake/ringtorch.pc.in ${name}.pc @ONLY)
    install(FILES ${PROJECT_BINARY_DIR}/${name}.pc DESTINATION ${pkgconfig} COMPONENT ${development})
endfunction()
rt_install_pc(ringtorch "${private_libs}" development "Deep-learning engine in C: tensors, autograd, layers, optimisers, data")
if(RT_WITH_MPI)
    rt_install_pc(ringtorch-worker "${worker_private_libs}" workerdevelopment
        "ringtorch, and what makes a program a worker of its training runs, or lets one sum gradients over MPI")
endif()

configure_package_config_file(cmake/ringtorchConfig.cmake.in ringtorchConfig.cmake INSTALL_DESTINATION ${package}
    NO_SET_AND_CHECK_MACRO NO_CHECK_REQUIRED_COMPONENTS_MACRO)
set(compatible SameMinorVersion) # as the soname says
if(PROJECT_VERSION_MAJOR GREATER 0)
    set(compatible SameMajorVersion)
endif()
write_basic_package_version_file(ringtorchConfigVersion.cmake COMPATIBILITY ${compatible})
install(FILES ${PROJECT_BINARY_DIR}/ringtorchConfig.cmake ${PROJECT_BINARY_DIR}/ringtorchConfigVersion.cmake
    DESTINATION ${package} COMPONENT development)
