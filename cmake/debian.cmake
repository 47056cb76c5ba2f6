# What Debian wants to have otherwise than `cmake --install` leaves it. cpack runs this on what it is about to pack
# (CPACK_PRE_BUILD_SCRIPTS); each component lies in a folder of its own.
if(NOT CPACK_GENERATOR STREQUAL "DEB")
    return()
endif()
find_program(gzip gzip REQUIRED)
find_program(strip strip REQUIRED)

function(run)
    execute_process(COMMAND ${ARGN} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

string(TIMESTAMP date "%a, %d %b %Y %H:%M:%S +0000" UTC) # SOURCE_DATE_EPOCH, if it is set
file(GLOB prefixes ${CPACK_TEMPORARY_DIRECTORY}/*${CPACK_PACKAGING_INSTALL_PREFIX})
foreach(prefix IN LISTS prefixes)
    # A package has its licence as `copyright`. The library's packages of two versions share no other file.
    file(REMOVE ${prefix}/share/doc/ringtorch/LICENSE)
    file(GLOB copyrights ${prefix}/share/doc/*/copyright)
    foreach(copyright IN LISTS copyrights)
        get_filename_component(folder ${copyright} DIRECTORY)
        get_filename_component(package ${folder} NAME)
        file(WRITE ${folder}/changelog "${package} (${CPACK_PACKAGE_VERSION}) unstable; urgency=medium\n\n"
            "  * RingTorch ${CPACK_PACKAGE_VERSION}; docs/decisions of the source say what was changed and why.\n\n"
            " -- ${CPACK_DEBIAN_PACKAGE_MAINTAINER}  ${date}\n")
        run(${gzip} -9nf ${folder}/changelog)
    endforeach()
    file(GLOB_RECURSE pages ${prefix}/share/man/*.[1-9])
    if(pages)
        run(${gzip} -9nf ${pages})
    endif()
    file(GLOB archives ${prefix}/lib/*.a ${prefix}/lib/*/*.a)
    if(archives)
        run(${strip} --strip-debug --enable-deterministic-archives ${archives})
    endif()
    if(EXISTS ${prefix}/share/zsh/site-functions) # site-functions are the administrator's
        file(RENAME ${prefix}/share/zsh/site-functions ${prefix}/share/zsh/vendor-completions)
    endif()
endforeach()
